using Microsoft.ML.PTuning.Backbones;
using static TorchSharp.torch;

namespace Microsoft.ML.PTuning.Methods;

/// <summary>Values that are searched for: a step's gradient proposes some, and the next step's rows choose among them.</summary>
internal abstract class SearchedParameters : MethodParameters
{
    /// <summary>Where the search stands. Setting it goes on from there.</summary>
    public abstract IReadOnlyList<int> State { get; set; }

    /// <summary>Proposes values for the next step.</summary>
    /// <param name="gradients">The gradients of <see cref="MethodParameters.Values"/>, by name.</param>
    public abstract void Propose(IReadOnlyDictionary<string, Tensor> gradients);

    /// <summary>Takes over the proposed values that have the smallest loss, if that is smaller than the present values'.</summary>
    /// <param name="loss">The loss of some values over the rows of this step.</param>
    public abstract void Choose(Func<IReadOnlyDictionary<string, Tensor>, double> loss);
}

/// <summary>The search of AutoPrompt (Shin et al. 2020), a word at a time.</summary>
/// <param name="words">Token ids of the first words, P.</param>
/// <param name="excluded">Token ids that are not tried: special tokens, and those of the pattern and the verbalizer.</param>
/// <param name="candidates">How many words are tried per step.</param>
internal sealed class TriggerSearch(Backbone backbone, int[] words, IReadOnlySet<int> excluded, int candidates) : SearchedParameters
{
    private readonly int[] _words = [.. words];
    private int _place = -1;
    private int[] _proposed = [];

    /// <summary>None: words are not followed along a gradient.</summary>
    public override IReadOnlyList<Tensor> Parameters => [];

    /// <summary>The place that was tried last, the words, and those that are proposed for the place.</summary>
    public override IReadOnlyList<int> State
    {
        get => [_place, .. _words, .. _proposed];
        set
        {
            _place = value[0];
            for (var i = 0; i < _words.Length; i++)
                _words[i] = value[1 + i];
            _proposed = [.. value.Skip(1 + _words.Length)];
        }
    }

    /// <summary>The token ids of the present words.</summary>
    public IReadOnlyList<int> Words => _words;

    public override IReadOnlyDictionary<string, Tensor> Values() => Vectors(_words);

    public override void Propose(IReadOnlyDictionary<string, Tensor> gradients)
    {
        _place = (_place + 1) % _words.Length;
        _proposed = Candidates(gradients[TrainedTensors.Prompt])[_place];
    }

    public override void Choose(Func<IReadOnlyDictionary<string, Tensor>, double> loss)
    {
        if (_proposed.Length == 0)
            return;

        var best = (Word: _words[_place], Loss: Loss(_words[_place]));
        foreach (var word in _proposed)
            if (Loss(word) is var other && other < best.Loss)
                best = (word, other);
        _words[_place] = best.Word;
        _proposed = [];

        double Loss(int word)
        {
            using var scope = NewDisposeScope();
            int[] tried = [.. _words];
            tried[_place] = word;
            return loss(Vectors(tried));
        }
    }

    /// <summary>The words that promise the smallest loss at each place: by a first-order estimate, <c>-e · g</c> of their vector e.</summary>
    /// <param name="gradient">The gradient of the words' vectors, <c>[P, E]</c>.</param>
    public int[][] Candidates(Tensor gradient)
    {
        using var scope = NewDisposeScope();
        using var frozen = no_grad();
        var scores = Scores(gradient);                                                                 // [P, vocabulary]
        var count = (int)Math.Min(candidates + excluded.Count, scores.size(1));
        var best = scores.topk(count, 1).indexes.cpu().data<long>().ToArray();
        return [.. best.Chunk(count).Select(words => words.Select(word => (int)word).Where(word => !excluded.Contains(word)).Take(candidates).ToArray())];
    }

    /// <returns><c>[P, vocabulary]</c>.</returns>
    public Tensor Scores(Tensor gradient) => nn.functional.linear(gradient, backbone.WordEmbeddings.to(gradient.dtype)).neg();

    private Dictionary<string, Tensor> Vectors(int[] words) => new() { [TrainedTensors.Prompt] = NearestWords.Vectors(backbone, words) };
}
