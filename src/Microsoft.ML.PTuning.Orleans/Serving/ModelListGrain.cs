using System.Text.Json;
using Microsoft.ML.PTuning.Serving.Models;

namespace Microsoft.ML.PTuning.Orleans.Serving;

[GrainType("ptuning-model-list")]
internal sealed class ModelListGrain(FolderPredictor predictor) : Grain, IModelListGrain
{
    public async Task<byte[]> ListAsync() => JsonSerializer.SerializeToUtf8Bytes(await predictor.ListModelsAsync(CancellationToken.None));
}
