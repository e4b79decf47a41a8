namespace Ote.Cluster.Identity;

/// <summary>What may stand in an identity.</summary>
public static class IdentityRules
{
    /// <summary>Characters of a uid, at most.</summary>
    public const int MaxUid = 64;

    /// <summary>Whether a text may be a uid: 1 to 64 of a-z, A-Z, 0-9 and '-'.</summary>
    public static bool IsUid(string? text)
    {
        if (text is not { Length: > 0 and <= MaxUid }) return false;
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '-') return false;
        }

        return true;
    }
}
