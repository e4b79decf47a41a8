namespace Ote.Cluster.Routing;

/// <summary>The rules for a cluster's name: a DNS-1123 label, unique in the whole tree.</summary>
public static class ClusterName
{
    /// <summary>Longest name in characters.</summary>
    public const int MaxLength = 63;

    /// <summary>The name of the top of every tree; no child may carry it.</summary>
    public const string Root = "root";

    /// <summary>Says what is wrong with <paramref name="name"/> and what is allowed; null when it is a valid name.</summary>
    public static string? Check(string? name)
    {
        const string allowed = "allowed are 1 to 63 characters of a-z, 0-9 and '-', with a letter or digit first and last";
        if (string.IsNullOrEmpty(name)) return $"the cluster name is empty; {allowed}";
        if (name.Length > MaxLength) return $"cluster name '{name[..16]}…' has {name.Length} characters; {allowed}";
        for (int i = 0; i < name.Length; i++)
        {
            char c = name[i];
            if (char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c)) continue;
            if (c != '-') return $"cluster name '{name}' has '{c}' at position {i}; {allowed}";
            if (i == 0 || i == name.Length - 1) return $"cluster name '{name}' {(i == 0 ? "starts" : "ends")} with '-'; {allowed}";
        }

        return null;
    }

    /// <summary>
    /// Like <see cref="Check"/>, and refuses names a child may not carry: <c>root</c> is the top of the tree;
    /// <c>conditions</c> and <c>phase</c> would collide with fields of a command's status.
    /// </summary>
    public static string? CheckChild(string? name) =>
        name is Root or "conditions" or "phase" ? $"cluster name '{name}' is reserved; choose another name" : Check(name);
}
