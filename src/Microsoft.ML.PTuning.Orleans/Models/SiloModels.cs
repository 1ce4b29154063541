using Microsoft.Extensions.Hosting;
using Microsoft.ML.PTuning.RowFiles;
using Microsoft.ML.PTuning.Serving.Hosting;

namespace Microsoft.ML.PTuning.Orleans.Models;

/// <summary>
/// The models that score files, by name: loaded when they are asked for, the least recently used ones unloaded. Safe for any number of threads.
/// </summary>
/// <remarks>They are not those that serve: a job goes on with the file that it was planned with, whatever is served meanwhile.</remarks>
internal sealed class SiloModels : IDisposable
{
    private readonly PTuningSiloOptions _options;
    private readonly string _folder;
    private readonly MLContext _context;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LoadedModel> _loaded = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Lock> _loading = new(StringComparer.Ordinal);
    private long _uses;

    /// <param name="options">Their budget counts bytes of files here.</param>
    /// <param name="environment">The folder of the models may be relative to its content root.</param>
    public SiloModels(PTuningSiloOptions options, IHostEnvironment environment)
    {
        _options = options;
        _folder = ModelsDirectory.Of(options, environment);
        _context = new MLContext(seed: 1) { GpuDeviceId = options.GpuDeviceId };
        if (options.Precision is { } precision)
            _context.SetPTuningPrecision(precision);
        if (options.BackboneDirectory is { } directory)
            _context.SetPTuningBackboneDirectory(directory);
        if (options.ScoringCores is { } cores)
            _context.SetPTuningScoringCores(cores);
    }

    /// <summary>Uses a model. If its file has changed since it was loaded, it is loaded again; others go on with the old one.</summary>
    /// <exception cref="DataException">There is no such model, or it cannot be loaded.</exception>
    public ModelLease Lease(string name)
    {
        var file = FileOf(name);
        lock (LoadingOf(name)) // One thread loads, the others wait for it.
        {
            lock (_lock)
            {
                if (_loaded.TryGetValue(name, out var known) && known.Bytes == file.Length && known.Modified == file.LastWriteTimeUtc)
                    return Use(known);
            }

            MakeRoom(file.Length);
            var model = new LoadedModel(name, file, _context);
            lock (_lock)
            {
                if (_loaded.Remove(name, out var old))
                    Retire(old);
                _loaded[name] = model;
                return Use(model);
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var model in _loaded.Values)
                Retire(model);
            _loaded.Clear();
        }
    }

    private FileInfo FileOf(string name)
    {
        if (name.Length == 0 || name.AsSpan().ContainsAny(Path.GetInvalidFileNameChars()) || name.Contains('\\') || name.StartsWith('.'))
            throw new DataException($"Expected the name of a model, found '{name}'. A name is a file's name without its folder and without .zip.");

        var file = new FileInfo(Path.Combine(_folder, $"{name}.zip"));
        return file.Exists ? file : throw new DataException($"There is no model '{name}' in {_folder}. {Names()}");
    }

    private string Names()
    {
        if (!Directory.Exists(_folder))
            return "There is no such folder.";

        const int Most = 20;
        var names = Directory.EnumerateFiles(_folder, "*.zip").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal).ToList();
        return names.Count == 0 ? "It has no .zip file."
            : $"It has {string.Join(", ", names.Take(Most).Select(name => $"'{name}'"))}{(names.Count > Most ? $" and {names.Count - Most} more" : "")}.";
    }

    private Lock LoadingOf(string name)
    {
        lock (_lock)
            return _loading.TryGetValue(name, out var known) ? known : _loading[name] = new Lock();
    }

    private ModelLease Use(LoadedModel model)
    {
        model.Users++;
        model.LastUse = ++_uses;
        return new ModelLease(model, GiveBack);
    }

    private void GiveBack(LoadedModel model)
    {
        lock (_lock)
        {
            model.Users--;
            if (model.Users == 0 && (!_loaded.TryGetValue(model.Name, out var current) || current != model))
                model.Pipeline.Dispose();
        }
    }

    private void MakeRoom(long bytes)
    {
        lock (_lock)
        {
            var total = bytes + _loaded.Values.Sum(model => model.Bytes);
            foreach (var model in _loaded.Values.Where(model => model.Users == 0).OrderBy(model => model.LastUse).ToList())
            {
                if (total <= _options.TensorBudgetBytes)
                    return;
                total -= model.Bytes;
                _loaded.Remove(model.Name);
                Retire(model);
            }
        }
    }

    // The last user disposes of a model in use.
    private static void Retire(LoadedModel model)
    {
        if (model.Users == 0)
            model.Pipeline.Dispose();
    }
}
