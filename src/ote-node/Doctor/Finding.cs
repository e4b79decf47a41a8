namespace Ote.Node.Doctor;

/// <summary>How one thing of a node stands.</summary>
internal enum Standing
{
    /// <summary>As it should be.</summary>
    Ok = 0,

    /// <summary>The node works, and will not for ever or not in every case.</summary>
    Warning = 1,

    /// <summary>It does not work.</summary>
    Fails = 2,
}

/// <summary>What was looked at, and what was found.</summary>
/// <param name="Check">One word or two.</param>
/// <param name="Standing">How it stands.</param>
/// <param name="Words">What was found, and the next step where one is needed.</param>
internal sealed record Finding(string Check, Standing Standing, string Words);
