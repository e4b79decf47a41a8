using System.Security.Cryptography;
using System.Text;

namespace Ote.Cluster.Identity;

/// <summary>
/// A join token as an operator hands it over: <c>id.secret</c>. The id may be shown; the secret only once, when it is made. Its text
/// must not be logged, so <see cref="ToString"/> leaves the secret out.
/// </summary>
public readonly record struct JoinToken
{
    private const int IdLength = 6;
    private const int SecretBytes = 20;
    private const int MaxLength = 128;

    private JoinToken(string id, string secret)
    {
        Id = id;
        Secret = secret;
    }

    /// <summary>Names the token: 1 to 32 of a-z and 0-9.</summary>
    public string Id { get; }

    /// <summary>The whole text, for handing over.</summary>
    public string Text => $"{Id}.{Secret}";

    private string Secret { get; }

    /// <summary>A new token of 160 random bits.</summary>
    public static JoinToken Create() =>
        new(RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz0123456789", IdLength), Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SecretBytes)));

    /// <summary>Reads a token's text.</summary>
    public static bool TryParse(string? text, out JoinToken token)
    {
        token = default;
        text = text?.Trim();
        if (text is null || text.Length > MaxLength) return false;
        int dot = text.IndexOf('.', StringComparison.Ordinal);
        if (dot is < 1 or > 32 || text.Length - dot - 1 < 16) return false;
        if (!text.AsSpan(0, dot).ContainsOnlyIdCharacters() || !text.AsSpan(dot + 1).ContainsOnlyIdCharacters()) return false;
        token = new JoinToken(text[..dot], text[(dot + 1)..]);
        return true;
    }

    /// <summary>What is stored instead of the secret: its SHA-256, hex.</summary>
    public string Hash() => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(Secret)));

    /// <summary>Whether the secret is the one that was hashed; takes the same time either way.</summary>
    public bool Matches(string storedHash) =>
        CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Hash()), Encoding.ASCII.GetBytes(storedHash.ToLowerInvariant()));

    /// <summary>The id alone.</summary>
    public override string ToString() => Id + ".…";
}

file static class IdCharacters
{
    public static bool ContainsOnlyIdCharacters(this ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c)) return false;
        }

        return true;
    }
}
