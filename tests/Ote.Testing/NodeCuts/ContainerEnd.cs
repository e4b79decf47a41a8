namespace Ote.Testing.NodeCuts;

/// <summary>How a container came to its end.</summary>
internal enum ContainerEnd
{
    /// <summary>The kubelet ended it.</summary>
    Killed = 0,

    /// <summary>By itself, and its pod wants it to run for ever.</summary>
    Crashed,

    /// <summary>By itself, and its work is done.</summary>
    Completed,

    /// <summary>With the node.</summary>
    Rebooted,
}
