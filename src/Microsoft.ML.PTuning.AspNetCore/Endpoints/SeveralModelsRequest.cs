using System.Text.Json;
using Microsoft.ML.PTuning.Serving;

namespace Microsoft.ML.PTuning.AspNetCore.Endpoints;

/// <summary>A row and the models that predict it.</summary>
/// <param name="Models">The models' names, each once.</param>
/// <param name="Row">An object with the columns that the models read.</param>
internal sealed record SeveralModelsRequest(string[] Models, JsonElement Row)
{
    /// <exception cref="PTuningRowException">It is not such an object.</exception>
    public static SeveralModelsRequest Read(JsonElement request, int mostModels)
    {
        const string Expected = """Expected {"models": ["…"], "row": {…}}.""";
        if (request.ValueKind != JsonValueKind.Object)
            throw new PTuningRowException(Expected);
        foreach (var property in request.EnumerateObject())
            if (property.Name is not ("models" or "row"))
                throw new PTuningRowException($"There is no property '{property.Name}'. {Expected}", property.Name);
        if (!request.TryGetProperty("models", out var models) || models.ValueKind != JsonValueKind.Array
            || models.EnumerateArray().Any(name => name.ValueKind != JsonValueKind.String))
            throw new PTuningRowException($"'models' must be an array of names. {Expected}", "models");
        if (!request.TryGetProperty("row", out var row))
            throw new PTuningRowException($"'row' is missing. {Expected}", "row");

        string[] names = [.. models.EnumerateArray().Select(name => name.GetString()!)];
        if (names.Length == 0 || names.Length > mostModels)
            throw new PTuningRowException($"'models' must name 1 to {mostModels} models; found {names.Length}.", "models");
        if (names.Distinct(StringComparer.Ordinal).Count() < names.Length)
            throw new PTuningRowException("'models' names a model twice. Name each model once.", "models");
        return new SeveralModelsRequest(names, row);
    }
}
