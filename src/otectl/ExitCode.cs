namespace Ote.Ctl;

/// <summary>What the process says by its exit code. Documented in docs/reference/otectl.md; scripts rely on the numbers.</summary>
internal enum ExitCode
{
    /// <summary>Everything asked for was done.</summary>
    Ok = 0,

    /// <summary>The request failed for a reason that has no code of its own.</summary>
    Failed = 1,

    /// <summary>The command line, a manifest or a selector is wrong.</summary>
    Usage = 2,

    /// <summary>A command ended, and some target did not succeed, or was named and is not known.</summary>
    TargetFailed = 3,

    /// <summary>The selector matched no cluster.</summary>
    NothingMatched = 4,

    /// <summary>The time to wait ran out before everything ended.</summary>
    TimedOut = 5,

    /// <summary>The control API cannot be reached, or the kubeconfig cannot be used.</summary>
    Unreachable = 6,

    /// <summary>Interrupted from the keyboard.</summary>
    Interrupted = 130,
}
