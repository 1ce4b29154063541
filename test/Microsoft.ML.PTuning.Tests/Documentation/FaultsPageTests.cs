using System.Reflection;
using System.Text.RegularExpressions;

namespace Microsoft.ML.PTuning.Tests.Documentation;

/// <summary>docs/design/faults.md names tests, and each of them exists.</summary>
[TestClass]
public sealed partial class FaultsPageTests
{
    [TestMethod]
    public void Every_line_names_tests_that_exist()
    {
        var tests = (from type in typeof(FaultsPageTests).Assembly.GetTypes()
                     from method in type.GetMethods()
                     where method.GetCustomAttribute<TestMethodAttribute>() is not null
                     select method.Name).ToHashSet();
        var page = Path.Combine(SecondProcess.Repository, "docs", "design", "faults.md");
        string[] rows = [.. File.ReadLines(page).Where(line => line.StartsWith("| ", StringComparison.Ordinal) && !line.Contains("| test |", StringComparison.Ordinal)
            && !line.Contains("---", StringComparison.Ordinal))];

        Assert.IsGreaterThan(30, rows.Length);
        foreach (var row in rows)
        {
            string[] named = [.. Test().Matches(row.Split('|', StringSplitOptions.RemoveEmptyEntries)[^1]).Select(match => match.Groups[1].Value)];
            Assert.IsNotEmpty(named, row);
            foreach (var test in named)
                Assert.Contains(test, tests, $"'{test}' is no test: {row}");
        }
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Test();
}
