using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.PTuning.Tests.Backbones;

namespace Microsoft.ML.PTuning.Tests.Examples.ServingPage;

/// <summary>The first start of examples/Serving, which trains over the default encoder.</summary>
[TestClass]
public sealed class ServingStartTests
{
    [TestMethod]
    [TestCategory("Slow")]
    public async Task First_start_trains_three_models_and_the_next_one_finds_them()
    {
        using var folder = new TemporaryDirectory();
        using (var first = await ServingProcess.StartAsync(folder.Path, TimeSpan.FromMinutes(45)))
        {
            Assert.Contains("Training queue, entities, answers", first.Output);
            Assert.AreEqual("Billing", (string?)(await PredictAsync(first, "queue", new { Text = "I paid twice for the same invoice." }))["PredictedLabel"]);
            Assert.Contains("14 euros", (await PredictAsync(first, "answers", new
            {
                Question = "How much does the cover cost?", Context = "The cover keeps the lid clean. It costs 14 euros and is made of felt.",
            }))["Answer"]![0]!.ToJsonString());
        }

        using var next = await ServingProcess.StartAsync(folder.Path, TimeSpan.FromMinutes(2));
        Assert.DoesNotContain("Training", next.Output);
        Assert.Contains("CITY", (await PredictAsync(next, "entities", new { Text = "The samples go by air to Toronto." }))["Found"]!.ToJsonString());
    }

    private static async Task<JsonObject> PredictAsync(ServingProcess service, string model, object row)
    {
        using var response = await service.Client.PostAsJsonAsync($"predict/{model}", row);
        return (await response.Content.ReadFromJsonAsync<JsonObject>())!;
    }
}
