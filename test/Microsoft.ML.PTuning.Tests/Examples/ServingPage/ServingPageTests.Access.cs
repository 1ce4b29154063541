using System.Text.RegularExpressions;
using Microsoft.Playwright;

namespace Microsoft.ML.PTuning.Tests.Examples.ServingPage;

public sealed partial class ServingPageTests
{
    /// <summary>
    /// The contrast of each text with what is behind it, as WCAG 2.2 defines it; returned are those of less than 4.5. Colours are read from a canvas.
    /// </summary>
    private const string FaintTexts = """
        () => {
          const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
          const read = colour => {
            canvas.clearRect(0, 0, 1, 1);
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
            return canvas.getImageData(0, 0, 1, 1).data;
          };
          const luminance = colour => {
            const [r, g, b] = [...colour].slice(0, 3).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const behind = element => {
            const colour = read(getComputedStyle(element).backgroundColor);
            return colour[3] === 255 ? colour : behind(element.parentElement);
          };
          const faint = [];
          const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let text = texts.nextNode(); text; text = texts.nextNode()) {
            const element = text.parentElement;
            if (text.data.trim() === '' || !element.checkVisibility() || element.tagName === 'NOSCRIPT')
              continue;
            const [one, other] = [luminance(read(getComputedStyle(element).color)), luminance(behind(element))].sort((a, b) => b - a);
            const contrast = (one + 0.05) / (other + 0.05);
            if (contrast < 4.5)
              faint.push(`${contrast.toFixed(2)}: ${text.data.trim()}`);
          }
          return faint;
        }
        """;

    [TestMethod]
    [DataRow(380, ColorScheme.Light)]
    [DataRow(380, ColorScheme.Dark)]
    [DataRow(1400, ColorScheme.Light)]
    [DataRow(1400, ColorScheme.Dark)]
    public async Task Page_fits_and_can_be_read(int width, ColorScheme scheme)
    {
        await using var page = await OpenAsync(width, scheme);
        await page.ReadToTheEndAsync($"{Late} {new string('x', 120)}");
        await page.AnswerAsync("my parcel was late", "is late");

        Assert.IsLessThanOrEqualTo(width, await page.Page.EvaluateAsync<int>("() => document.documentElement.scrollWidth"));
        CollectionAssert.AreEqual(Array.Empty<string>(), await page.Page.EvaluateAsync<string[]>(FaintTexts));
        page.ExpectNoFaults();
    }

    [TestMethod]
    public async Task Dark_and_light_are_two_pages()
    {
        await using var light = await OpenAsync(1400, ColorScheme.Light);
        await using var dark = await OpenAsync(1400, ColorScheme.Dark);

        const string Paper = "() => getComputedStyle(document.body).backgroundColor";
        Assert.AreNotEqual(await light.Page.EvaluateAsync<string>(Paper), await dark.Page.EvaluateAsync<string>(Paper));
    }

    [TestMethod]
    public async Task Keyboard_alone_reaches_everything_and_shows_where_it_is()
    {
        await using var page = await OpenAsync();
        var keyboard = page.Page.Keyboard;
        List<string> reached = [];
        for (var i = 0; i < 20; i++)
        {
            await keyboard.PressAsync("Tab");
            var focused = await page.Page.EvaluateAsync<string?>("""
                () => {
                  const element = document.activeElement;
                  if (element === document.body)
                    return null;
                  const { outlineStyle, outlineWidth } = getComputedStyle(element);
                  const name = element.labels?.[0]?.textContent ?? element.textContent;
                  return outlineStyle === 'solid' && parseFloat(outlineWidth) >= 3 ? name : `${name}, without a visible focus`;
                }
                """);
            if (focused is null)
                break;
            reached.Add(focused);
        }

        CollectionAssert.AreEqual(
            new[]
            {
                "Skip to the texts", "Message", "Read the message", "a double payment", "a lost password", "a question", "Passage", "Question",
                "Answer the question", "its price", "its care", "something else", "OpenAPI document", "Models", "Metrics", "Health",
            },
            reached);
        page.ExpectNoFaults();
    }

    [TestMethod]
    public async Task Keyboard_alone_asks_and_gets_answers()
    {
        await using var page = await OpenAsync();
        var keyboard = page.Page.Keyboard;

        await keyboard.PressAsync("Tab");
        await keyboard.PressAsync("Enter"); // Over the figures.
        await keyboard.PressAsync("Tab");
        await Assertions.Expect(page.Message).ToBeFocusedAsync();
        await keyboard.PressAsync("Control+A");
        await keyboard.TypeAsync(Late);
        await keyboard.PressAsync("Control+Enter");
        await Assertions.Expect(page.MessageSummary).ToContainTextAsync("1 name");
        await Assertions.Expect(page.Message).ToBeFocusedAsync();

        await keyboard.PressAsync("Tab"); // To the button.
        await keyboard.PressAsync("Tab"); // To the first example.
        await keyboard.PressAsync("Space");
        await Assertions.Expect(page.Message).ToHaveValueAsync(new Regex("^I paid twice"));
        await Assertions.Expect(page.Page.Locator("#words")).ToContainTextAsync("I paid twice");
        page.ExpectNoFaults();
    }

    [TestMethod]
    public async Task Screen_readers_get_landmarks_names_and_announcements()
    {
        await using var page = await OpenAsync();
        await page.ReadToTheEndAsync(Late);
        await page.AnswerAsync("my parcel was late", "is late");

        await Assertions.Expect(page.Page.Locator("body")).ToMatchAriaSnapshotAsync("""
            - banner:
              - heading "One encoder, three small models" [level=1]
            - complementary "The service now":
              - heading "The service now" [level=2]
              - term: Queue
              - definition: /\d+ rows wait/
              - term: Your last request
              - definition: /\d+ ms/
            - main:
              - region "A message":
                - heading "A message" [level=2]
                - textbox "Message"
                - paragraph:
                  - button "Read the message"
                - group "Try":
                  - button "a double payment"
                - region "What the models say about the message":
                  - status:
                    - strong: /delivery|billing|software/
                    - text: /\d+% sure, 1 name/
                  - heading "Queue" [level=3]
                  - list "Queue":
                    - listitem: /\d+%/
                  - heading "Words that carried it" [level=3]
                  - group "Words that carried it":
                    - mark
                  - list /The words with the largest weights/:
                    - listitem: /\d\.\d\d/
                  - heading "Names" [level=3]
                  - group "Names":
                    - mark: parcel thing
              - region "A question":
                - textbox "Passage"
                - textbox "Question"
                - paragraph:
                  - button "Answer the question"
                - region "What the model answers":
                  - status
                  - list "Best answers":
                    - listitem: /\d+%/
            - contentinfo:
              - navigation "For programs":
                - link "OpenAPI document"
            """);
        page.ExpectNoFaults();
    }

    [TestMethod]
    public async Task Nothing_moves_where_less_motion_is_asked_for()
    {
        await using var page = await OpenAsync();
        await page.ReadToTheEndAsync(Late);

        Assert.AreEqual("0s", await page.Page.Locator(".bar").First.EvaluateAsync<string>("bar => getComputedStyle(bar).transitionDuration"));
    }
}
