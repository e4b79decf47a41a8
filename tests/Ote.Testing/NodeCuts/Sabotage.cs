namespace Ote.Testing.NodeCuts;

/// <summary>What can be broken on purpose: a simulation that does not notice it proves nothing.</summary>
public enum Sabotage
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Telling a pod's status on return deletes the pod and makes it anew.</summary>
    Recreate,

    /// <summary>A pod's status that is told on return is thanked for and forgotten.</summary>
    LoseStatus,

    /// <summary>A deletion that is told on return brings the pod back under another uid.</summary>
    Resurrect,

    /// <summary>Telling what a node says of itself undoes what users changed of its labels.</summary>
    OverwriteUsers,

    /// <summary>Events that are told on return are thanked for and forgotten.</summary>
    LoseEvents,

    /// <summary>A list that is asked for while cut off says that there are no pods.</summary>
    ForgetPods,

    /// <summary>Now and then a change does not reach who watches.</summary>
    LoseChanges,
}
