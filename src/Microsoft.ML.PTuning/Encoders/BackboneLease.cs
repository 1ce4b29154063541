using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Encoders;

/// <summary>A share of an encoder that others may use, too. The encoder lives until the last share is disposed.</summary>
internal sealed class BackboneLease : IDisposable
{
    private readonly LoadedBackbone _loaded;
    private Holders? _holders;

    /// <param name="release">Called when this share, and all that were made of it, are disposed.</param>
    public BackboneLease(LoadedBackbone loaded, string directory, Action release)
        : this(loaded, directory, new Holders(release))
    {
    }

    private BackboneLease(LoadedBackbone loaded, string directory, Holders holders) => (_loaded, Directory, _holders) = (loaded, directory, holders);

    /// <exception cref="ObjectDisposedException">The share has been given back.</exception>
    public Backbone Backbone => Loaded.Backbone;

    /// <inheritdoc cref="Backbone"/>
    public TextTokenizer Tokenizer => Loaded.Tokenizer;

    /// <summary>The encoder's folder.</summary>
    public string Directory { get; }

    private LoadedBackbone Loaded
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _holders) is null, this);
            return _loaded;
        }
    }

    /// <summary>Another share of the same encoder, to be disposed by itself. This one must not be disposed meanwhile.</summary>
    /// <exception cref="ObjectDisposedException">The share has been given back.</exception>
    public BackboneLease Share()
    {
        var holders = Volatile.Read(ref _holders);
        ObjectDisposedException.ThrowIf(holders is null, this);
        holders.Enter();
        return new(_loaded, Directory, holders);
    }

    public void Dispose() => Interlocked.Exchange(ref _holders, null)?.Leave();

    /// <summary>How many shares are in use.</summary>
    private sealed class Holders(Action release)
    {
        private int _count = 1;

        public void Enter() => Interlocked.Increment(ref _count);

        public void Leave()
        {
            if (Interlocked.Decrement(ref _count) == 0)
                release();
        }
    }
}
