using System.Net;
using System.Net.Http.Json;

namespace Microsoft.ML.PTuning.Tests.AspNetCore;

/// <summary>Everything at once: a small budget, replacements, broken and deleted files, and callers that do not stop.</summary>
[TestClass]
[DoNotParallelize] // It counts tensors.
public sealed class ModelFolderStressTests
{
    private const string Late = "my parcel is late";
    private const string Broken = "broken", Deleted = "deleted";

    private static readonly string[] s_names = ["a", "b", "c", "d", Broken, Deleted];

    [TestMethod]
    public async Task Callers_get_answers_whatever_happens_to_the_folder()
    {
        var models = ServedModels.Shared;
        string[] versions = [models.Topics(1), models.Topics(2)];
        var expected = Score(models, versions[1]);
        var before = LiveTensors.CountSettled();
        await using (var application = await ServingApplication.StartAsync(
            options => options.TensorBudgetBytes = 3 * ModelBytes(versions[0]), [.. s_names.Select(name => (name, versions[0]))]))
        {
            using var stop = new CancellationTokenSource();
            var callers = Enumerable.Range(0, 6).Select(caller => Task.Run(() => CallAsync(application, caller, stop.Token))).ToArray();
            var random = new Random(1);
            for (var change = 0; change < 60; change++)
            {
                Change(application, s_names[random.Next(s_names.Length)], versions[random.Next(2)], random.Next(2) == 0);
                await Task.Delay(random.Next(40));
            }
            await stop.CancelAsync();
            var calls = (await Task.WhenAll(callers)).Sum();
            Assert.IsGreaterThan(100, calls);

            foreach (var name in s_names)
                application.Put(name, versions[1]);
            foreach (var name in s_names)
                await ServingApplication.UntilAsync(() => Math.Abs(Answer(application, name) - expected) < 1e-4f, $"{name} is the last version");
            Assert.IsLessThanOrEqualTo(3 * ModelBytes(versions[0]), application.Models.Sum(model => model.TensorBytes ?? 0));
        }
        Assert.AreEqual(before, LiveTensors.CountSettled());
    }

    private static async Task<int> CallAsync(ServingApplication application, int seed, CancellationToken stop)
    {
        var random = new Random(seed);
        var calls = 0;
        for (; !stop.IsCancellationRequested; calls++)
        {
            var name = s_names[random.Next(s_names.Length)];
            using var response = await application.Client.PostAsJsonAsync($"/predict/{name}", new { Text = Late }, CancellationToken.None);
            var isExpected = response.StatusCode == HttpStatusCode.OK
                || (name == Broken && response.StatusCode == HttpStatusCode.ServiceUnavailable)
                || (name == Deleted && response.StatusCode == HttpStatusCode.NotFound);
            Assert.IsTrue(isExpected, $"{name}: {response.StatusCode} {await response.Content.ReadAsStringAsync(CancellationToken.None)}");
        }
        return calls;
    }

    private static void Change(ServingApplication application, string name, string file, bool isSpecial)
    {
        if (name == Broken && isSpecial)
            File.WriteAllText(application.PathOf(name), "broken");
        else if (name == Deleted && isSpecial)
            File.Delete(application.PathOf(name));
        else
            application.Put(name, file);
    }

    private static float Answer(ServingApplication application, string name)
    {
        using var response = application.Client.PostAsJsonAsync($"/predict/{name}", new { Text = Late }).Result;
        return response.IsSuccessStatusCode
            ? (float)response.Content.ReadFromJsonAsync<System.Text.Json.Nodes.JsonObject>().Result!["Score"]!.AsObject().First().Value!
            : float.NaN;
    }

    private static float Score(ServedModels models, string file) => models.Predict<Ticket, NamedTopic>(file, new Ticket { Text = Late }).Score[0];

    private static long ModelBytes(string file)
    {
        using var stream = File.OpenRead(file);
        return PTuning.Serving.Models.ModelLoader.TensorBytesOf(stream);
    }
}
