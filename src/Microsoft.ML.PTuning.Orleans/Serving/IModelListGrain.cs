namespace Microsoft.ML.PTuning.Orleans.Serving;

/// <summary>Lists the models as one silo sees them. Its key is the silo's address.</summary>
internal interface IModelListGrain : IGrainWithStringKey
{
    /// <returns>JSON in UTF-8.</returns>
    Task<byte[]> ListAsync();
}
