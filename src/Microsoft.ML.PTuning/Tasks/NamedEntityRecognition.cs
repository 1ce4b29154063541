using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Evaluation;
using Microsoft.ML.PTuning.Heads;
using Microsoft.ML.PTuning.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Tasks;

/// <summary>A tag for each word of a sentence: named entities, chunks, the roles of a predicate, parts of speech.</summary>
/// <remarks>
/// A word is tagged at its first token. Entities are learned in IOB2 (Tjong Kim Sang &amp; Veenstra 1999), whatever scheme the labels are in;
/// tags without a prefix are learned as they are, and a missing key as no entity. Long sentences are read in overlapping windows; each word is tagged
/// in one of them. For semantic roles there is one row per predicate, and the predicate is repeated behind the sentence, as in the official code.
/// </remarks>
internal sealed record NamedEntityRecognition : PromptTask
{
    public required string LabelColumnName { get; init; }

    public required string Sentence1ColumnName { get; init; }

    /// <summary>Column with the index of the predicate, for semantic roles; null for other tags.</summary>
    public string? PredicateColumnName { get; init; }

    public required string PredictedLabelColumnName { get; init; }

    public required string ScoreColumnName { get; init; }

    public required string EntitiesColumnName { get; init; }

    /// <summary>Where the words come from; null until the training data is known.</summary>
    public WordSource? Words { get; init; }

    /// <summary>The tags, once the labels are known.</summary>
    public LabelValues? Labels { get; init; }

    public override string ScoreColumnKind => "MulticlassClassification";

    public override IReadOnlyList<InputColumn> Inputs => PredicateColumnName is null ? [SentenceColumn] : [SentenceColumn, PredicateColumn];

    public override IReadOnlyList<InputColumn> LabelColumns =>
    [
        new(LabelColumnName, "label",
            Words switch { null or WordSource.ByColumn => [ColumnForm.Keys, ColumnForm.Texts], WordSource.PunctuationApart => [ColumnForm.Texts], _ => [ColumnForm.Keys] },
            "Give a tag for each word, mapped to keys (Transforms.Conversion.MapValueToKey), or, for texts, entities as 'PER 0 5' (type, start, end)."),
    ];

    public override LabelValues? Classes => Labels;

    public override DataViewType? ClassType => TextDataViewType.Instance;

    public override IReadOnlyList<OutputColumn> Outputs =>
    [
        new OutputColumn<TagPrediction, VBuffer<uint>>(
            PredictedLabelColumnName, NumberDataViewType.UInt32, ColumnSize.PerRow, IsKey: true, ScoreAnnotations.PredictedLabel, LabelAnnotation.KeyValues,
            (TagPrediction p, ref VBuffer<uint> value) => Array.ConvertAll(p.Tags, tag => (uint)tag + 1).CopyTo(ref value)),
        new OutputColumn<TagPrediction, VBuffer<float>>(
            ScoreColumnName, NumberDataViewType.Single, ColumnSize.PerRow, IsKey: false, ScoreAnnotations.Score, LabelAnnotation.None,
            (TagPrediction p, ref VBuffer<float> value) => p.Probabilities.CopyTo(ref value)),
        new OutputColumn<TagPrediction, VBuffer<ReadOnlyMemory<char>>>(
            EntitiesColumnName, TextDataViewType.Instance, ColumnSize.PerRow, IsKey: false, ScoreAnnotations.PredictedLabel, LabelAnnotation.None,
            (TagPrediction p, ref VBuffer<ReadOnlyMemory<char>> value) => p.Entities.Select(e => e.ToString().AsMemory()).ToArray().CopyTo(ref value)),
    ];

    public override TaskHead Head => new TokenHead(Labels!.Count, drops: true);

    public override EpochRule Epochs => EpochRule.Tokens;

    public override string MetricName => FindsEntities ? "entity F1" : "accuracy";

    private InputColumn SentenceColumn => new(
        Sentence1ColumnName, "sentence",
        Words switch { null or WordSource.ByColumn => [ColumnForm.Texts, ColumnForm.Text], WordSource.Given => [ColumnForm.Texts], _ => [ColumnForm.Text] },
        "Name a column with a text, or with a vector of words.");

    private InputColumn PredicateColumn => new(
        PredicateColumnName!, "predicate", [new(NumberDataViewType.Int32)], "Give the index of the predicate's word, from 0, as Int32.");

    private bool FindsEntities => TagSequence.NamesEntities(Labels!.Values!);

    private bool LearnsIob2 => TagSequence.IsChunkTagSet(Labels!.Values!);

    // The tag that stands for no entity. If the model has no such tag, it is O.
    private string Outside => Labels!.IndexOf(TagSequence.Outside) >= 0
        ? TagSequence.Outside
        : Labels.Values!.FirstOrDefault(TagSequence.IsOutside, TagSequence.Outside);

    // The tag of words that the tokenizer drops.
    private int TagOfNothing => Math.Max(0, Labels!.IndexOf(Outside));

    public override PromptTask ForData(IDataView data, Action checkCancelled)
    {
        var label = data.Schema[LabelColumnName];
        var isGiven = data.Schema[Sentence1ColumnName].Type is VectorDataViewType;
        var isSpans = !ColumnForm.Keys.Accepts(label.Type);
        if (isSpans && isGiven)
            throw new ArgumentOutOfRangeException(LabelColumnName,
                $"The label column '{LabelColumnName}' is a vector of text beside sentences that are split into words. "
                + "Map its tags to keys (Transforms.Conversion.MapValueToKey), or give whole texts and entities as 'PER 0 5' (type, start, end).");

        var words = isGiven ? WordSource.Given : isSpans ? WordSource.PunctuationApart : WordSource.WhiteSpace;
        string[] tags = isSpans ? Iob2Tags(TagColumn.ReadTypes(data, LabelColumnName, checkCancelled)) : TagsOfKeys(data, label, checkCancelled);
        return tags.Length > 1
            ? this with { Words = words, Labels = Named(tags) }
            : throw new InvalidOperationException(
                $"Label column '{LabelColumnName}' names {(tags.Length == 0 ? "no tag" : $"the tag '{tags[0]}' only")}. "
                + "Nothing can be learned from it; check the column.");
    }

    public override void CheckValidation(IDataView data)
    {
        foreach (var column in (InputColumn[])[SentenceColumn, .. LabelColumns])
            if (!column.Accepts(data.Schema[column.Name].Type))
                throw column.WrongType($"{data.Schema[column.Name].Type} in the validation rows, but not in the training rows");
        if (LearnsIob2 && Words != WordSource.PunctuationApart)
            Normalized(TagColumn.KeyValues(data.Schema[LabelColumnName]), LabelColumnName);
    }

    public override PromptTask ForTargets(ExampleSet training)
    {
        TaggedSentence[] sentences = [.. training.Examples.Cast<TaggedSentence>().Where(s => !s.IsMisaligned)];
        if (sentences.Length == 0)
            throw new InvalidOperationException(
                $"The labels of all {training.Misaligned} training rows contradict their texts: "
                + $"entities that overlap, or lie outside of the text. Check column '{LabelColumnName}'.");
        if (sentences.SelectMany(s => s.Tags!).Where(IsGiven).Distinct().Take(2).Count() < 2)
            throw new InvalidOperationException(
                $"All words of the {sentences.Length} training rows have the same tag in label column '{LabelColumnName}'. "
                + "Nothing can be learned from one tag; check how the rows were chosen.");
        return this;
    }

    public override string? FindMisfit(TextTokenizer tokenizer)
    {
        var least = tokenizer.SpecialTokens(pair: false) + (PredicateColumnName is null ? 1 : 3);
        return MaxLength < least ? $"MaxLength is {MaxLength}, but a sentence takes at least {least} tokens. Use more." : null;
    }

    public override Func<PendingExample?> OpenRow(DataViewRow row, bool withTarget)
    {
        var source = Words == WordSource.ByColumn
            ? row.Schema[Sentence1ColumnName].Type is VectorDataViewType ? WordSource.Given : WordSource.PunctuationApart
            : Words!.Value;
        var words = source == WordSource.Given ? OpenTexts(row, Sentence1ColumnName) : null;
        var text = words is null ? OpenText(row, Sentence1ColumnName) : null;
        var predicate = PredicateColumnName is null ? null : OpenColumn<int>(row, PredicateColumnName);
        var tags = withTarget ? TagColumn.Open(row, LabelColumnName) : null;
        return () =>
        {
            var (given, whole, position) = (words?.Invoke(), text?.Invoke(), row.Position);
            var index = -1;
            predicate?.Invoke(ref index);
            var label = tags?.Invoke();
            if (withTarget && label is null)
                return null;
            return tokenizer =>
            {
                var sentence = given is not null ? SentenceWords.Of(given, tokenizer) : SentenceWords.Of(whole!, source, tokenizer);
                if (predicate is not null && (index < 0 || index >= sentence.Words.Count))
                    throw new InvalidOperationException(
                        $"Column '{PredicateColumnName}' of row {position} is {index}, but the sentence has {sentence.Words.Count} words. "
                        + "Give the predicate's index, from 0.");
                return Encode(sentence, predicate is null ? null : index, label?.ForWords(sentence, position), withTarget, tokenizer);
            };
        };
    }

    public override Tensor Loss(Tensor outputs, IReadOnlyList<ExamplePart> parts)
    {
        var length = outputs.size(1);
        var places = new List<long>(); // Indices of the tagged tokens in the flat [S · T].
        var tags = new List<long>();
        for (var i = 0; i < parts.Count; i++)
            for (var t = 0; t < parts[i].Target.Length; t++)
            {
                if (parts[i].Target[t] < 0)
                    continue;
                places.Add(i * length + t);
                tags.Add((long)parts[i].Target[t]);
            }
        var logits = outputs.view(-1, outputs.size(2)).index_select(0, tensor([.. places]).ToDevice(outputs.device)); // [N, K]
        return nn.functional.cross_entropy(logits, tensor([.. tags]).ToDevice(outputs.device), reduction: nn.Reduction.Sum);
    }

    /// <summary>Tagged words.</summary>
    public override double LossWeight(IReadOnlyList<ExamplePart> parts) => parts.Sum(p => p.Target.Count(tag => tag >= 0));

    public override Prediction Decode(Example example, IReadOnlyList<float[]> outputs)
    {
        var sentence = (TaggedSentence)example;
        var tags = new int[sentence.Words.Count];
        var probabilities = new float[tags.Length];
        Array.Fill(tags, TagOfNothing);
        for (var i = 0; i < outputs.Count; i++)
            foreach (var (word, token) in sentence.TaggedTokens[i])
            {
                var softmax = ScorePrediction.Softmax(outputs[i].AsSpan(token * Labels!.Count, Labels.Count));
                tags[word] = ScorePrediction.ArgMax(softmax);
                probabilities[word] = softmax[tags[word]];
            }
        return new TagPrediction(tags, probabilities, FindsEntities ? [.. EntitiesOf(tags, sentence.Words)] : []);
    }

    public override double Measure(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples)
    {
        var rows = predictions.Zip(examples)
            .Select(pair => (Predicted: NamesOf(pair.First), Right: ((TaggedSentence)pair.Second).Tags))
            .Where(row => row.Right is not null);
        if (!FindsEntities)
            return rows.SelectMany(r => r.Predicted.Zip(r.Right!)).Where(word => IsGiven(word.Second))
                .Select(word => word.First == word.Second ? 1.0 : 0.0).DefaultIfEmpty().Average();

        var counter = new EntityCounter();
        foreach (var (predicted, right) in rows)
            counter.AddTags(Array.ConvertAll(right!, TagSequence.ToPrefixed), Array.ConvertAll(predicted, TagSequence.ToPrefixed));
        return counter.Measure().MicroF1;
    }

    public override double? GuessingLoss(IReadOnlyList<Example> examples) =>
        Entropy(examples.SelectMany(example => example.Parts).SelectMany(part => part.Target).Where(tag => tag >= 0));

    public override string? FindCollapse(IReadOnlyList<Prediction> predictions, IReadOnlyList<Example> examples)
    {
        int[] predicted = [.. predictions.SelectMany(p => ((TagPrediction)p).Tags).Distinct().Take(2)];
        return predicted.Length == 1 && examples.SelectMany(e => ((TaggedSentence)e).Tags ?? []).Where(IsGiven).Distinct().Skip(1).Any()
            ? $"The model tags every word {Labels!.Values![predicted[0]]}: training has collapsed onto one tag. "
                + "Train longer, or change the learning rate (try a fifth of it; a short prefix often needs more)."
            : null;
    }

    protected override void CheckRead()
    {
        base.CheckRead();
        if (Words is null || Labels is not { Count: > 1, ItemType: "Text" })
            throw new JsonException(
                $"The task's words are {Words?.ToString() ?? "missing"} and its labels {Labels?.Count ?? 0} of type {Labels?.ItemType}; "
                + "expected at least two texts.");
        if (Labels.Values!.Any(string.IsNullOrEmpty) || Labels.Values!.Distinct().Count() < Labels.Count)
            throw new JsonException("One of the task's tags is empty, or there twice.");
    }

    private string[] TagsOfKeys(IDataView data, DataViewSchema.Column label, Action checkCancelled)
    {
        var values = TagColumn.KeyValues(label);
        var tags = Normalized(values, label.Name);
        var mayMiss = !tags.Any(TagSequence.IsOutside) && TagColumn.HasMissing(data, LabelColumnName, values.Count, checkCancelled);
        return mayMiss ? [.. tags, TagSequence.Outside] : tags;
    }

    // IOB2 where the tags have prefixes; else the tags themselves, the empty one as O.
    private static string[] Normalized(IReadOnlyList<string> tags, string column)
    {
        string[] types = [.. tags.Where(tag => !TagSequence.IsOutside(tag))];
        string[] entities = [.. types.Where(TagSequence.IsTag)];
        if (entities.Length == 0)
            return [.. tags.Select(tag => tag.Length == 0 ? TagSequence.Outside : tag).Distinct()];
        return types.FirstOrDefault(tag => !TagSequence.IsTag(tag)) is not { } other
            ? Iob2Tags(entities.Select(tag => tag[2..]).Distinct())
            : throw new ArgumentOutOfRangeException(column,
                $"The label column '{column}' has the tag '{other}' beside tags of entities such as '{entities[0]}'. "
                + "Expected 'O' and types behind B-, I-, E-, S-, L-, U- only, or tags of another kind only; map or drop the other ones.");
    }

    private static string[] Iob2Tags(IEnumerable<string> types) => [TagSequence.Outside, .. types.SelectMany(type => new[] { $"B-{type}", $"I-{type}" })];

    // A missing key is read as O. If no training row has a missing key, O is no tag, and such words do not count.
    private bool IsGiven(string tag) => tag != TagSequence.Outside || Labels!.IndexOf(TagSequence.Outside) >= 0;

    // The tags as the model learns them.
    private string[] Learned(string[] tags) => LearnsIob2
        ? TagSequence.ToIob2(TagSequence.Spans(Array.ConvertAll(tags, TagSequence.ToPrefixed), EntityReading.Lenient), tags.Length)
        : Array.ConvertAll(tags, tag => TagSequence.IsOutside(tag) && Labels!.IndexOf(tag) < 0 ? Outside : tag);

    private TaggedSentence Encode(SentenceWords sentence, int? predicate, string[]? tags, bool withTarget, TextTokenizer tokenizer)
    {
        var tail = predicate is { } word ? Tail(sentence.Tokens[word], tokenizer) : [];
        var room = MaxLength - tokenizer.SpecialTokens(pair: false) - tail.Length;
        var windows = WordWindow.Cover([.. sentence.Tokens.Select(t => Math.Min(t.Count, room))], room);
        if (tags is not null)
            tags = Learned(tags);

        var parts = new List<ExamplePart>(windows.Count);
        var tagged = new List<IReadOnlyList<(int Word, int Token)>>(windows.Count);
        foreach (var window in windows)
        {
            var tokens = new List<Token>(room);
            var places = new List<(int Word, int Token)>();
            for (var i = window.Start; i < window.End; i++)
            {
                if (i >= window.FirstOwned && i < window.EndOwned && sentence.Tokens[i].Count > 0)
                    places.Add((i, tokens.Count + tokenizer.FirstStart));
                tokens.AddRange(sentence.Tokens[i].Take(room));
            }
            var row = EncodedRow.Of(tokenizer.Surround([.. tokens, .. tail], null));
            parts.Add(new ExamplePart([row], tags is null ? [] : Targets(row.Length, places, tags)));
            tagged.Add(places);
        }
        return new TaggedSentence(parts, sentence.Visible, tags, tagged) { HasContradiction = withTarget && tags is null };
    }

    private Token[] Tail(IReadOnlyList<Token> predicate, TextTokenizer tokenizer)
    {
        var most = (MaxLength - tokenizer.SpecialTokens(pair: false) - 1) / 2; // Leaves the sentence at least as much room.
        return [new Token(tokenizer.SeparatorId, 0, 0), .. predicate.Take(most)];
    }

    private float[] Targets(int length, IReadOnlyList<(int Word, int Token)> places, string[] tags)
    {
        var targets = new float[length];
        Array.Fill(targets, -1);
        foreach (var (word, token) in places)
            targets[token] = Labels!.IndexOf(tags[word]);
        return targets;
    }

    private IEnumerable<EntitySpan> EntitiesOf(int[] tags, IReadOnlyList<Word> words) =>
        TagSequence.Spans([.. tags.Select(tag => TagSequence.ToPrefixed(Labels!.Values![tag]))], EntityReading.Lenient)
            .Select(span => (span.Type, Words: words.Skip(span.Start).Take(span.End - span.Start).Where(word => !word.IsEmpty).ToArray()))
            .Where(entity => entity.Words.Length > 0)
            .Select(entity => new EntitySpan(entity.Type, entity.Words[0].Start, entity.Words[^1].End));

    private string[] NamesOf(Prediction prediction) => Array.ConvertAll(((TagPrediction)prediction).Tags, tag => Labels!.Values![tag]);

    private LabelValues Named(string[] tags)
    {
        LabelValues.RefuseBrokenText(tags, LabelColumnName);
        return new LabelValues(tags.Length, "Text", tags);
    }
}
