using Spectre.Console;

namespace Microsoft.ML.PTuning.Tool.Output;

/// <summary>Shows a download as a live bar, or as a line per file where nobody watches.</summary>
internal static class DownloadDisplay
{
    public static TResult Show<TResult>(ToolConsole console, Func<IProgress<BackboneDownloadProgress>, TResult> download)
    {
        if (!console.IsInteractive || !console.Messages.Profile.Capabilities.Interactive)
            return download(new FileLines(console));

        return console.Messages.Progress()
            .Columns(new ProgressBarColumn { Width = 10 }, new PercentageColumn(), new DownloadedColumn(), new TransferSpeedColumn(), new TaskDescriptionColumn())
            .Start(context => download(new LiveBar(context.AddTask("asking the hub"))));
    }

    private sealed class LiveBar(ProgressTask task) : IProgress<BackboneDownloadProgress>
    {
        public void Report(BackboneDownloadProgress value)
        {
            (task.MaxValue, task.Value) = (Math.Max(1, value.TotalBytes), value.Bytes);
            task.Description = Markup.Escape(value.File);
        }
    }

    private sealed class FileLines(ToolConsole console) : IProgress<BackboneDownloadProgress>
    {
        private readonly HashSet<string> _told = [];

        public void Report(BackboneDownloadProgress value)
        {
            lock (_told)
                if (_told.Add(value.File))
                    console.Say(FormattableString.Invariant($"{value.File}: {value.FileTotalBytes:N0} bytes"));
        }
    }
}
