using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.ML.PTuning.Tests.AspNetCore;
using Microsoft.Playwright;

namespace Microsoft.ML.PTuning.Tests.Examples.ServingPage;

/// <summary>The page of examples/Serving in a browser, over tiny models: what it shows, and to whom.</summary>
[TestClass]
public sealed partial class ServingPageTests
{
    private const string Late = "my parcel is late";

    private static readonly ServedModels s_models = ServedModels.Shared;
    private static TemporaryFolder s_folder = null!;
    private static ServingProcess s_service = null!;
    private static PageBrowser? s_browser;

    [ClassInitialize]
    public static async Task StartAsync(TestContext _)
    {
        var browser = PageBrowser.Program is null ? null : PageBrowser.StartAsync(); // While the models are trained.
        s_folder = new TemporaryFolder();
        foreach (var (name, file) in new[] { ("queue", s_models.Topics()), ("entities", s_models.Things()), ("answers", s_models.Answers()) })
            File.Copy(file, Path.Combine(s_folder.Path, $"{name}.zip"));
        s_service = await ServingProcess.StartAsync(s_folder.Path, TimeSpan.FromMinutes(1), "--PTuning:MaxRowCharacters=300");
        s_browser = browser is null ? null : await browser;
    }

    [ClassCleanup]
    public static async Task StopAsync()
    {
        if (s_browser is not null)
            await s_browser.DisposeAsync();
        s_service?.Dispose();
        s_folder.Dispose();
    }

    [TestMethod]
    public async Task Classes_are_bars_as_long_as_their_scores()
    {
        await using var page = await OpenAsync();
        await page.ReadToTheEndAsync(Late);

        using var response = await s_service.Client.PostAsJsonAsync("predict/queue", new { Text = Late });
        var scores = (await response.Content.ReadFromJsonAsync<JsonObject>())!["Score"]!.AsObject()
            .Select(score => (Name: score.Key, Score: (double)score.Value!)).OrderByDescending(score => score.Score).ToArray();
        var shown = page.Page.GetByRole(AriaRole.List, new() { Name = "Queue" }).GetByRole(AriaRole.Listitem);
        Assert.AreEqual(scores.Length, await shown.CountAsync());
        for (var i = 0; i < scores.Length; i++)
        {
            StringAssert.StartsWith(await shown.Nth(i).InnerTextAsync(), scores[i].Name);
            var share = await shown.Nth(i).EvaluateAsync<double>(
                "item => item.querySelector('.bar').getBoundingClientRect().width / item.querySelector('.track').getBoundingClientRect().width");
            Assert.AreEqual(scores[i].Score, share, 0.01, scores[i].Name);
        }
        page.ExpectNoFaults();
    }

    [TestMethod]
    public async Task Names_are_marked_with_their_type()
    {
        await using var page = await OpenAsync();

        await page.ReadToTheEndAsync(Late);

        await Assertions.Expect(page.Page.GetByRole(AriaRole.Group, new() { Name = "Names" }).Locator("mark")).ToHaveTextAsync("parcel thing");
        page.ExpectNoFaults();
    }

    [TestMethod]
    public async Task Words_behind_the_queue_are_those_of_the_explanation()
    {
        await using var page = await OpenAsync();
        await page.ReadToTheEndAsync(Late);

        using var response = await s_service.Client.PostAsJsonAsync("explain", new { Text = Late });
        var strongest = (await response.Content.ReadFromJsonAsync<JsonArray>())!.MaxBy(word => Math.Abs((double)word!["weight"]!))!;
        var word = Late.Substring((int)strongest["start"]!, (int)strongest["length"]!);
        var shown = page.Page.GetByRole(AriaRole.List, new() { NameString = "The words with the largest weights" }).GetByRole(AriaRole.Listitem).First;
        StringAssert.StartsWith(await shown.InnerTextAsync(), word);
        Assert.Contains(word, await page.Page.Locator("#words mark").AllInnerTextsAsync());
        page.ExpectNoFaults();
    }

    [TestMethod]
    public async Task Answer_is_marked_in_its_passage()
    {
        await using var page = await OpenAsync();
        await page.AnswerAsync("my parcel was late", "is late");

        using var response = await s_service.Client.PostAsJsonAsync("predict/answers", new { Question = "is late", Context = "my parcel was late" });
        var best = (await response.Content.ReadFromJsonAsync<JsonObject>())!["Answer"]![0]!;
        var marks = await page.Page.GetByRole(AriaRole.Group, new() { Name = "Answer in its passage" }).Locator("mark").AllInnerTextsAsync();
        CollectionAssert.AreEqual(best["start"] is null ? [] : new[] { (string)best["text"]! }, marks.ToArray());
        Assert.AreEqual("my parcel was late", await page.Page.Locator("#answer").InnerTextAsync());
        page.ExpectNoFaults();
    }

    [TestMethod]
    public async Task Markup_in_a_text_is_shown_as_text()
    {
        const string Markup = "<img src=x onerror=alert(1)> my parcel is <b>late</b> &amp; <script>alert(2)</script>";
        await using var page = await OpenAsync();

        await page.ReadToTheEndAsync(Markup);
        await page.AnswerAsync(Markup, Markup);

        Assert.AreEqual(Markup, await page.Page.Locator("#words").TextContentAsync());
        Assert.AreEqual(Markup, await page.Page.Locator("#answer").TextContentAsync());
        Assert.AreEqual(0, await page.Page.Locator("main img, main b, main script").CountAsync());
        page.ExpectNoFaults();
    }

    [TestMethod]
    public async Task Refusals_are_told_in_plain_words()
    {
        await using var page = await OpenAsync();

        await page.ReadAsync(string.Concat(Enumerable.Repeat("late ", 80)));
        await Assertions.Expect(page.Problem).ToContainTextAsync("The text is too long. Shorten it and try again.");
        await page.ReadToTheEndAsync(Late);
        await Assertions.Expect(page.Problem).ToHaveCountAsync(0); // It is gone.
        await page.ReadAsync("  ");
        await Assertions.Expect(page.Problem).ToHaveTextAsync("Message is empty. Type a text first.");
        await Assertions.Expect(page.Message).ToBeFocusedAsync();
        await page.Page.RouteAsync("**/predict", route => route.AbortAsync());
        await page.ReadAsync(Late);
        await Assertions.Expect(page.Problem).ToContainTextAsync("The service cannot be reached.");
        Assert.IsFalse(await page.Page.Locator("#message-results").IsVisibleAsync());
        page.ExpectNoFaults();
    }

    [TestMethod]
    public async Task Figures_of_the_service_are_live()
    {
        await using var page = await OpenAsync();
        var answers = page.Page.Locator("#answers");
        await Assertions.Expect(page.Page.Locator("#waiting")).ToHaveTextAsync("0");
        await Assertions.Expect(page.Page.Locator("#model-sizes")).ToContainTextAsync("queue");
        var before = int.Parse((await answers.TextContentAsync())!);

        await page.ReadToTheEndAsync(Late);

        await page.Page.WaitForFunctionAsync($"() => Number(document.getElementById('answers').textContent) >= {before + 2}");
        await Assertions.Expect(page.Page.Locator("#last")).ToHaveTextAsync(new Regex("^[0-9]+$"));
        page.ExpectNoFaults();
    }

    [TestMethod]
    public async Task Page_may_run_its_own_scripts_only_and_monitoring_reads_the_meter()
    {
        using (var response = await s_service.Client.GetAsync(""))
        {
            var policy = response.Headers.GetValues("Content-Security-Policy").Single();
            Assert.Contains("default-src 'none'; script-src 'self'; style-src 'self';", policy);
            Assert.DoesNotContain("unsafe", policy);
        }
        (await s_service.Client.PostAsJsonAsync("predict/queue", new { Text = Late })).Dispose();

        Assert.Contains("ptuning_scoring_rows", await s_service.Client.GetStringAsync("metrics"));
        Assert.Contains("/predict/{model}", await s_service.Client.GetStringAsync("openapi/ptuning.json"));
        Assert.AreEqual("Healthy", await s_service.Client.GetStringAsync("health/ready"));
        using var refused = await s_service.Client.PostAsJsonAsync("explain", new { Text = " " });
        Assert.AreEqual("application/problem+json", refused.Content.Headers.ContentType?.MediaType);
    }

    private static Task<OpenedPage> OpenAsync() => OpenAsync(1400, ColorScheme.Light);

    private static Task<OpenedPage> OpenAsync(int width, ColorScheme scheme) => s_browser is null
        ? throw new AssertInconclusiveException("Needs Chromium, and /usr/bin/chromium is not there (apt-get install chromium; .ci/run does so).")
        : s_browser.OpenAsync(s_service.Address, width, scheme);
}
