using System.CommandLine;
using Microsoft.ML.PTuning.Tool.Output;

namespace Microsoft.ML.PTuning.Tool.Commands;

/// <summary><c>ptuning completion</c>: a script by which a shell completes commands and options.</summary>
internal sealed class CompletionCommand : ToolCommand
{
    // Each asks the tool itself, so that no list of options is kept twice.
    private static readonly Dictionary<string, string> s_scripts = new()
    {
        ["bash"] = """
            _ptuning() {
                local IFS=$'\n'
                COMPREPLY=($(compgen -W "$(ptuning "[suggest:$COMP_POINT]" "$COMP_LINE" 2> /dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
            }
            complete -o default -F _ptuning ptuning
            """,
        ["zsh"] = """
            _ptuning() { compadd -- "${(@f)$(ptuning "[suggest:$CURSOR]" "$BUFFER" 2> /dev/null)}" || _files }
            compdef _ptuning ptuning
            """,
        ["pwsh"] = """
            Register-ArgumentCompleter -Native -CommandName ptuning -ScriptBlock {
                param($word, $ast, $cursor)
                ptuning "[suggest:$cursor]" "$ast" 2> $null | Where-Object { $_ -like "$word*" } |
                    ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
            }
            """,
    };

    private readonly Argument<string> _shell = new("SHELL") { Description = $"One of {string.Join(", ", s_scripts.Keys)}" };

    public CompletionCommand(ToolConsole console)
        : base("completion", "Writes the script by which a shell completes commands and options: eval \"$(ptuning completion bash)\"", console)
    {
        _shell.AcceptOnlyFromAmong([.. s_scripts.Keys]);
        Arguments.Add(_shell);
    }

    protected override object? Execute(ParseResult parsed, CancellationToken cancellation)
    {
        Console.WriteResult(s_scripts[parsed.GetValue(_shell)!]);
        return null;
    }
}
