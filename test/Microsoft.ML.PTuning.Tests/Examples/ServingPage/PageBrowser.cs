using Microsoft.Playwright;

namespace Microsoft.ML.PTuning.Tests.Examples.ServingPage;

/// <summary>A headless Chromium, that of the system: nothing is downloaded.</summary>
internal sealed class PageBrowser : IAsyncDisposable
{
    private const int Patience = 30_000; // Milliseconds; the machine may be busy with other tests.

    private static readonly string[] s_programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;

    private PageBrowser(IPlaywright playwright, IBrowser browser) => (_playwright, _browser) = (playwright, browser);

    /// <summary>The program; null if there is none.</summary>
    public static string? Program => Array.Find(s_programs, File.Exists);

    public static async Task<PageBrowser> StartAsync()
    {
        Assertions.SetDefaultExpectTimeout(Patience);
        var playwright = await Playwright.Playwright.CreateAsync();
        var browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = Program, Args = ["--no-sandbox", "--disable-dev-shm-usage"] });
        return new PageBrowser(playwright, browser);
    }

    /// <summary>Opens an address in a window of its own.</summary>
    public async Task<OpenedPage> OpenAsync(string address, int width = 1400, ColorScheme scheme = ColorScheme.Light)
    {
        var page = await _browser.NewPageAsync(new()
        {
            ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme, ReducedMotion = ReducedMotion.Reduce,
        });
        page.SetDefaultTimeout(Patience);
        var opened = new OpenedPage(page);
        await page.GotoAsync(address);
        return opened;
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }
}

/// <summary>The page in the browser, and what a person does there.</summary>
internal sealed class OpenedPage : IAsyncDisposable
{
    private readonly List<string> _faults = [];

    public OpenedPage(IPage page)
    {
        Page = page;
        page.PageError += (_, fault) => _faults.Add(fault);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
                _faults.Add(message.Text);
        };
        page.Dialog += async (_, dialog) =>
        {
            _faults.Add($"A dialog said {dialog.Message}");
            await dialog.DismissAsync();
        };
    }

    public IPage Page { get; }

    public ILocator Message => Page.GetByRole(AriaRole.Textbox, new() { Name = "Message" });

    public ILocator MessageSummary => Page.Locator("#message-summary");

    public ILocator Problem => Page.GetByRole(AriaRole.Alert);

    /// <summary>Types a message over the one that is there and sends it.</summary>
    public async Task ReadAsync(string message)
    {
        await Message.FillAsync(message);
        await Page.GetByRole(AriaRole.Button, new() { Name = "Read the message" }).ClickAsync();
    }

    /// <summary>The same, until the answers are there.</summary>
    public async Task ReadToTheEndAsync(string message)
    {
        await ReadAsync(message);
        await Page.GetByRole(AriaRole.Heading, new() { Name = "Names" }).WaitForAsync();
    }

    /// <summary>Types a passage and a question, until the answer is there.</summary>
    public async Task AnswerAsync(string passage, string question)
    {
        await Page.GetByRole(AriaRole.Textbox, new() { Name = "Passage" }).FillAsync(passage);
        await Page.GetByRole(AriaRole.Textbox, new() { Name = "Question" }).FillAsync(question);
        await Page.GetByRole(AriaRole.Button, new() { Name = "Answer the question" }).ClickAsync();
        await Page.GetByRole(AriaRole.Heading, new() { Name = "Best answers" }).WaitForAsync();
    }

    /// <summary>What the browser had to say: scripts that failed, what the page's policy forbids. Requests that the service refused are left out.</summary>
    public void ExpectNoFaults() => Assert.IsEmpty(
        _faults.Where(fault => !fault.StartsWith("Failed to load resource", StringComparison.Ordinal)), string.Join('\n', _faults));

    public async ValueTask DisposeAsync() => await Page.CloseAsync();
}
