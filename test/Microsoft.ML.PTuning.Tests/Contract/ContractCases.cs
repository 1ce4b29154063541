using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Tests.Training;

namespace Microsoft.ML.PTuning.Tests.Contract;

/// <summary>Every task over columns of every form that it takes, on the tiny encoder of <see cref="TinyTraining"/>.</summary>
internal sealed class ContractCases : IDisposable
{
    public const int Rows = 150; // More than the first window of 64.

    private readonly TinyTraining _training = new();
    private readonly TinyWriter _writer = new("gpt2");

    public static string[] Names { get; } =
    [
        "classes", "classes without names", "classes of numbers", "pairs", "patterns", "true or false", "any classes", "any classes as Booleans", "numbers",
        "tags of words", "tags of a text",
        "parts of speech", "entities", "roles", "answers", "two choices", "choices", "texts",
    ];

    public MLContext Context => _training.Context;

    public ContractCase Create(string name)
    {
        var data = Context.Data.LoadFromEnumerable(Enumerable.Range(0, Rows).Select(Row.Create));
        var trainers = Context.MulticlassClassification.Trainers;
        var conversion = Context.Transforms.Conversion;
        IDataView Keyed(string column) => conversion.MapValueToKey("Label", column).Fit(data).Transform(data);
        return name switch
        {
            "classes" => new(name, trainers.PTuningV2(Options<PTuningV2Trainer.MulticlassOptions>()), Keyed("Class"), ["Text"], ["Label"]),
            "classes without names" => new(
                name, trainers.PTuningV2(Options<PTuningV2Trainer.MulticlassOptions>("Key")), data, ["Text"], ["Key"]),
            "classes of numbers" => new(name, trainers.PTuningV2(Options<PTuningV2Trainer.MulticlassOptions>()), Keyed("Number"), ["Text"], ["Label"]),
            "pairs" => new(
                name, trainers.PTuningV2(Options<PTuningV2Trainer.MulticlassOptions>(second: "Other")), Keyed("Class"), ["Text", "Other"], ["Label"]),
            "patterns" => new(
                name, trainers.PTuningV2(Patterned(Options<PTuningV2Trainer.MulticlassOptions>(second: "Other"))), Keyed("Class"), ["Text", "Other"],
                ["Label"]),
            "true or false" => new(
                name, Context.BinaryClassification.Trainers.PTuningV2(Options<PTuningV2Trainer.BinaryOptions>("IsLate")), data, ["Text"], ["IsLate"]),
            "any classes" => new(name, trainers.PTuningV2MultiLabel(Options<PTuningV2Trainer.MultiLabelOptions>("Topics")), data, ["Text"], ["Topics"]),
            "any classes as Booleans" => new(
                name, trainers.PTuningV2MultiLabel(Options<PTuningV2Trainer.MultiLabelOptions>("Flags")), data, ["Text"], ["Flags"]),
            "numbers" => new(
                name, Context.Regression.Trainers.PTuningV2(Options<PTuningV2Trainer.RegressionOptions>("Rating")), data, ["Text"], ["Rating"]),
            "tags of words" => new(name, trainers.PTuningV2NamedEntityRecognition(Tagging("Words")), Keyed("Tags"), ["Words"], ["Label"]),
            "tags of a text" => new(name, trainers.PTuningV2NamedEntityRecognition(Tagging("Text")), Keyed("Tags"), ["Text"], ["Label"]),
            "parts of speech" => new(name, trainers.PTuningV2NamedEntityRecognition(Tagging("Words")), Keyed("Words"), ["Words"], ["Label"]),
            "entities" => new(name, trainers.PTuningV2NamedEntityRecognition(Tagging("Text", "Spans")), data, ["Text"], ["Spans"]),
            "roles" => new(
                name, trainers.PTuningV2NamedEntityRecognition(Tagging("Words", predicate: "Index")), Keyed("Tags"), ["Words", "Index"], ["Label"]),
            "answers" => new(name, trainers.PTuningV2QuestionAnswer(Set(new PTuningV2Trainer.QuestionAnswerOptions())), data,
                ["Question", "Context"], ["TrainingAnswer", "AnswerIndex"]),
            "two choices" => new(name, trainers.PTuningV2MultipleChoice(Choosing("Two")), data, ["Text", "Two"], ["Index"]),
            "choices" => new(name, trainers.PTuningV2MultipleChoice(Choosing("Some")), data, ["Text", "Some"], ["Index"]),
            "texts" => new(name, trainers.PTuningV2TextGeneration(Writing()), data, ["Text"], ["Other"]),
            _ => throw new ArgumentOutOfRangeException(nameof(name), name, "No such case."),
        };
    }

    public void Dispose()
    {
        _training.Dispose();
        _writer.Dispose();
    }

    private T Options<T>(string label = "Label", string? second = null)
        where T : PTuningV2Trainer.SentenceOptions, new() =>
        Set(new T { LabelColumnName = label, Sentence1ColumnName = "Text", Sentence2ColumnName = second });

    private static T Patterned<T>(T options)
        where T : PTuningV2Trainer.SentenceOptions
    {
        options.Pattern = "a {text2} b {mask} {separator} {text}";
        return options;
    }

    private PTuningV2Trainer.NamedEntityOptions Tagging(string sentence, string label = "Label", string? predicate = null)
    {
        var options = Set(new PTuningV2Trainer.NamedEntityOptions { LabelColumnName = label, Sentence1ColumnName = sentence });
        options.PredicateColumnName = predicate;
        return options;
    }

    private PTuningV2Trainer.MultipleChoiceOptions Choosing(string choices) =>
        Set(new PTuningV2Trainer.MultipleChoiceOptions { LabelColumnName = "Index", Sentence1ColumnName = "Text", ChoicesColumnName = choices });

    private PTuningV2Trainer.TextGenerationOptions Writing()
    {
        var options = Set(new PTuningV2Trainer.TextGenerationOptions { LabelColumnName = "Other", Generation = new() { MaxNewTokens = 3 } });
        options.Backbone = _writer.Path;
        return options;
    }

    private T Set<T>(T options)
        where T : PTuningV2Trainer.Options
    {
        (options.Backbone, options.PrefixLength, options.MaxLength, options.MaxEpochs) = (_training.Options.Backbone, 3, 12, 1);
        (options.Seed, options.Advanced.Shards, options.BatchSize) = (1, 2, 32);
        if (options is PTuningV2Trainer.QuestionAnswerOptions answers)
            answers.DocumentStride = 2;
        return options;
    }

    private sealed class Row
    {
        public int Id { get; set; }

        [VectorType(2)]
        public float[] Passed { get; set; } = [0, 0];

        public string Text { get; set; } = "";

        public string Other { get; set; } = "";

        public string Class { get; set; } = "";

        public float Number { get; set; }

        [KeyType(3)]
        public uint Key { get; set; }

        public bool IsLate { get; set; }

        public string[] Topics { get; set; } = [];

        [VectorType(2)]
        public bool[] Flags { get; set; } = [false, false];

        public float Rating { get; set; }

        public string[] Words { get; set; } = [];

        public string[] Tags { get; set; } = [];

        public string[] Spans { get; set; } = [];

        public string Question { get; set; } = "q";

        public string Context { get; set; } = "";

        public string TrainingAnswer { get; set; } = "";

        public int AnswerIndex { get; set; }

        [VectorType(2)]
        public string[] Two { get; set; } = ["", ""];

        public string[] Some { get; set; } = [];

        public int Index { get; set; }

        public static Row Create(int number)
        {
            var random = new Random(number);
            var late = number % 2 == 1;
            string[] words = [.. Enumerable.Range(0, random.Next(2, 9)).Select(_ => ((char)((late ? 'u' : 'a') + random.Next(4))).ToString())];
            var text = string.Join(' ', words);
            return new Row
            {
                Id = number,
                Passed = [number, -number],
                Text = text,
                Other = words[0],
                Class = late ? "late" : "early",
                Number = late ? 2.5f : 1,
                Key = (uint)(number % 3),
                IsLate = late,
                Topics = [.. words.Where(word => word is "u" or "a").Distinct()],
                Flags = [late, words.Length > 4],
                Rating = late ? 3 : 1,
                Words = words,
                Tags = Array.ConvertAll(words, word => word is "u" or "a" ? "B-X" : "O"),
                Spans = [.. words.Select((word, i) => (word, i)).Where(w => w.word is "u" or "a").Select(w => $"X {2 * w.i} {2 * w.i + 1}")],
                Context = text + " x",
                TrainingAnswer = "x",
                AnswerIndex = text.Length + 1,
                Two = ["a b", "u v"],
                Some = [.. Enumerable.Range(0, 2 + number % 3).Select(i => ((char)('c' + i)).ToString())],
                Index = late ? 1 : 0,
            };
        }
    }
}
