namespace Ote.Ctl;

/// <summary>Ends a command. The message is one line that names the thing, the cause and the next step.</summary>
internal sealed class CtlException : Exception
{
    internal CtlException(ExitCode code, string message, Exception? inner = null)
        : base(message, inner) => Code = code;

    internal ExitCode Code { get; }
}
