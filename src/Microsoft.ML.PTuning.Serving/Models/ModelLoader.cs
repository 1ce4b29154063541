using System.IO.Compression;
using Microsoft.ML.PTuning.Serving.Rows;

namespace Microsoft.ML.PTuning.Serving.Models;

/// <summary>Reads models from their files. Safe for any number of threads.</summary>
internal sealed class ModelLoader(ServingContext serving)
{
    private const string TensorsEntry = "Prompt.safetensors";

    /// <summary>The size of the tensors that loading the file takes, without loading it.</summary>
    /// <exception cref="InvalidDataException">It is not the file of such a model.</exception>
    public static long TensorBytesOf(Stream file)
    {
        using var zip = new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true);
        if (zip.GetEntry("Prompt.json") is not null)
            throw new InvalidDataException(
                "PTuningV2Transformer.SaveTo wrote the file, so it does not know its columns. Save the model with mlContext.Model.Save(model, schema, path).");

        ZipArchiveEntry[] tensors = [.. zip.Entries.Where(entry => entry.FullName.Split('/', '\\')[^1] == TensorsEntry)];
        file.Position = 0;
        return tensors.Length == 1
            ? tensors[0].Length
            : throw new InvalidDataException($"Expected a pipeline with one model of P-Tuning in the file; found {tensors.Length}.");
    }

    /// <param name="tensorBytes">The result of <see cref="TensorBytesOf"/>.</param>
    /// <exception cref="InvalidDataException">It is not a model that can be served.</exception>
    /// <exception cref="FormatException">The file is damaged, or a later version of the library wrote it.</exception>
    /// <exception cref="DirectoryNotFoundException">The encoder is not on this machine.</exception>
    public LoadedModel Load(string name, Stream file, FileStamp stamp, long tensorBytes)
    {
        var whole = serving.Context.Model.Load(file, out var input);
        try
        {
            var model = LoadedModel.Steps(whole).OfType<PTuningV2Transformer>().SingleOrDefault()
                ?? throw new InvalidDataException("Expected a pipeline with one model of P-Tuning in the file.");
            if (input is null)
                throw new InvalidDataException("The file does not know the columns of its rows. Save the model with the schema of its training rows.");

            var columns = ModelColumns.Of(whole, model, input);
            var description = new PTuningModelDescription
            {
                Name = name,
                Task = model.Task,
                Method = model.Method,
                Backbone = model.Backbone.Name,
                Inputs = columns.Inputs,
                Outputs = columns.Outputs,
                Classes = model.Classes,
                TensorBytes = tensorBytes,
            };
            return new LoadedModel(whole, model.Backbone.Directory, columns, description, stamp);
        }
        catch
        {
            foreach (var step in LoadedModel.Steps(whole).OfType<IDisposable>())
                step.Dispose();
            throw;
        }
    }
}
