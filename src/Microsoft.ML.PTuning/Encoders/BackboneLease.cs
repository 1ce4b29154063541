using Microsoft.ML.PTuning.Backbones;
using Microsoft.ML.PTuning.Tokenization;

namespace Microsoft.ML.PTuning.Encoders;

/// <summary>A share of an encoder that others may use, too. The encoder lives until the last share is disposed.</summary>
internal sealed class BackboneLease(LoadedBackbone loaded, string directory, Action release) : IDisposable
{
    private Action? _release = release;

    /// <exception cref="ObjectDisposedException">The share has been given back.</exception>
    public Backbone Backbone => Loaded.Backbone;

    /// <inheritdoc cref="Backbone"/>
    public TextTokenizer Tokenizer => Loaded.Tokenizer;

    /// <summary>The encoder's folder.</summary>
    public string Directory { get; } = directory;

    private LoadedBackbone Loaded
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _release) is null, this);
            return loaded;
        }
    }

    public void Dispose() => Interlocked.Exchange(ref _release, null)?.Invoke();
}
