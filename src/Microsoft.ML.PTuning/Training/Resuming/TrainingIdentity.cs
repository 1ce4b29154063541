using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.ML.PTuning.Formats;
using Microsoft.ML.PTuning.Methods;
using Microsoft.ML.PTuning.Tasks;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Training.Resuming;

/// <summary>What a training consists of. Two with the same parts go through the same steps.</summary>
/// <param name="Parts">The value of each part, or its hash, by a name for messages.</param>
internal sealed record TrainingIdentity(SortedDictionary<string, string> Parts)
{
    private const string Hash = "SHA-256 ";

    private const int LongestShown = 60;

    private static readonly JsonSerializerOptions Json = StateJson.Options();

    public static TrainingIdentity Of(IReadOnlyList<TrainingTask> tasks, TrainingSettings settings, Device device)
    {
        var parts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var property in typeof(TrainingSettings).GetProperties())
            if (property.CanWrite && property.GetValue(settings) is IConvertible value)           // Numbers and truth values.
                parts.Add(property.Name, value.ToString(CultureInfo.InvariantCulture));
        if (settings.TrunkCache is { } cache)
            parts.Add("TrunkCacheType", $"{cache.Type}");

        var encoder = tasks[0].Network.Encoder;
        if (tasks[0].Encoder is { } reference)
        {
            parts.Add("Encoder", $"{reference}");
            var files = reference.Weights.Concat(reference.Tokenizer).SelectMany(file => new[] { file.Key, file.Value });
            parts.Add("the content of the encoder", Hashed(hash => Add(hash, files)));
        }
        parts.Add("The kind of device", $"{device.type}");
        parts.Add("Precision", $"{encoder.Backbone.ElementType}");
        Describe<TuningMethod>(parts, "Method", encoder.Method);
        foreach (var task in tasks)
        {
            var of = task.Name is null ? "" : $" of task '{task.Name}'";
            Describe(parts, $"Task{of}", task.Task);
            parts.Add($"the set of training rows{of}", HashOf(task.Training));
            if (task.Validation is not null)
                parts.Add($"the set of validation rows{of}", HashOf(task.Validation));
            if (task.StartWords is not null)
                parts.Add($"the first prompt{of}", string.Join(' ', task.StartWords));
            if (task.StartRows is { } startRows)
                parts.Add($"the set of rows that the prefix begins with{of}", Hashed(hash =>
                {
                    foreach (var row in startRows)
                        Add<int>(hash, row.Ids);
                }));
            if (task.Start is not null)
                parts.Add($"the set of first tensors{of}", HashOf(task.Start));
        }
        return new(parts);
    }

    /// <summary>How another training differs from this one.</summary>
    /// <returns>Phrases for an error message; none if it is the same.</returns>
    public IReadOnlyList<string> Differences(TrainingIdentity found) =>
    [
        .. from name in Parts.Keys.Union(found.Parts.Keys, StringComparer.Ordinal)
           let parts = (Expected: Parts.GetValueOrDefault(name), Found: found.Parts.GetValueOrDefault(name))
           where parts.Expected != parts.Found
           select IsHash(parts.Expected ?? parts.Found!) || Shown(parts.Found) == Shown(parts.Expected)
               ? $"{name} is another"
               : $"{name} is {Shown(parts.Found)}, there {Shown(parts.Expected)}",
    ];

    private static bool IsHash(string value) => value.StartsWith(Hash, StringComparison.Ordinal);

    private static string Shown(string? value) => value is null ? "not set" : value.Length > LongestShown ? value[..LongestShown] + "..." : value;

    private static void Describe<T>(SortedDictionary<string, string> parts, string name, T value)
    {
        foreach (var (property, json) in JsonSerializer.SerializeToNode(value, Json)!.AsObject())
            parts.Add($"{name}.{property}", json?.ToJsonString(Json) ?? "null");
    }

    private static string HashOf(ExampleSet rows) => Hashed(hash =>
    {
        foreach (var row in rows.Examples)
        {
            Add<int>(hash, [row.Parts.Count]);
            Add(hash, row.Labels);
            foreach (var part in row.Parts)
            {
                Add<float>(hash, part.Target);
                foreach (var sequence in part.Sequences)
                {
                    Add<int>(hash, sequence.Ids);
                    Add<int>(hash, sequence.Segments);
                    Add<int>(hash, sequence.PromptPlaces);
                    Add<int>(hash, [sequence.MaskPlace ?? -1]);
                    Add<int>(hash, sequence.DecoderIds);
                    Add<int>(hash, sequence.NextIds);
                }
            }
        }
    });

    private static string HashOf(TrainedTensors tensors) => Hashed(hash =>
    {
        using var scope = NewDisposeScope();
        foreach (var (name, tensor) in tensors)
        {
            Add(hash, [name]);
            Add<float>(hash, tensor.detach().cpu().contiguous().data<float>().ToArray());
        }
    });

    private static string Hashed(Action<IncrementalHash> addAll)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        addAll(hash);
        return Hash + Convert.ToHexString(hash.GetHashAndReset()).ToLowerInvariant();
    }

    private static void Add(IncrementalHash hash, IEnumerable<string> texts)
    {
        foreach (var text in texts)
            Add(hash, text.ToCharArray());
    }

    // The length stands before the numbers, so that numbers cannot move from one array to the next.
    private static void Add<T>(IncrementalHash hash, T[] numbers)
        where T : unmanaged
    {
        hash.AppendData(BitConverter.GetBytes(numbers.Length));
        hash.AppendData(MemoryMarshal.AsBytes<T>(numbers));
    }
}
