namespace Microsoft.ML.PTuning.Tool.Projects;

/// <summary>A console application that predicts a row.</summary>
internal static class ConsoleProject
{
    public static IEnumerable<(string Path, string Text)> Files(ModelClass model) => [ConsumptionFile.Of(model), Program(model)];

    public static (string Path, string Text) Program(ModelClass model) => ("Program.cs", $$"""
        using {{model.Namespace}};

        var input = new {{model.Name}}.ModelInput
        {
        {{model.Sample}}
        };

        var prediction = {{model.Name}}.Predict(input);
        {{model.Report}}
        {{(model.HasClassScores ? Labels(model) : "")}}
        """);

    private static string Labels(ModelClass model) => $$"""
        foreach (var score in {{model.Name}}.PredictAllLabels(input))
            Console.WriteLine($"{score.Key,-30}{score.Value:F4}");
        """;
}
