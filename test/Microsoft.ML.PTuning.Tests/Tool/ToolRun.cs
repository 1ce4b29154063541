using System.Text;
using System.Text.Json;
using Microsoft.ML.PTuning.Tool;
using Microsoft.ML.PTuning.Tool.Output;

namespace Microsoft.ML.PTuning.Tests.Tool;

/// <summary>What a run of the command line wrote, and its exit code.</summary>
internal sealed record ToolRun(int Code, string Output, string Error)
{
    public static ToolRun Of(params string[] arguments) => WithInput("", arguments);

    public static ToolRun WithInput(string input, params string[] arguments)
    {
        using var output = new MemoryStream();
        using var error = new StringWriter();
        var console = new ToolConsole(() => new MemoryStream(Encoding.UTF8.GetBytes(input)), () => new KeptOpen(output), error, isInteractive: false);
        var code = PTuningCommandLine.RunAsync(arguments, console).GetAwaiter().GetResult();
        return new ToolRun(code, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }

    /// <summary>The object that <c>--json</c> writes.</summary>
    public JsonElement Json => JsonDocument.Parse(Output).RootElement;

    public ToolRun Succeeded()
    {
        Assert.AreEqual(0, Code, Error + Output);
        return this;
    }

    // The tool closes standard output where it is done with it.
    private sealed class KeptOpen(MemoryStream stream) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => stream.Length;

        public override long Position
        {
            get => stream.Position;
            set => throw new NotSupportedException();
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => stream.Write(buffer, offset, count);
    }
}
