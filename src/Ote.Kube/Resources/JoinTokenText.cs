using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Ote.Kube.Resources;

/// <summary>
/// A join token as people carry it: <c>&lt;id&gt;.&lt;secret&gt;</c>, 6 and 32 characters of lower-case base 32 (160 bits of
/// secret). The id names the <c>JoinToken</c> object; of the secret only <see cref="SecretHash"/> is ever stored.
/// </summary>
public sealed class JoinTokenText
{
    /// <summary>Characters of the id.</summary>
    public const int IdLength = 6;

    /// <summary>Characters of the secret.</summary>
    public const int SecretLength = 32;

    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    private static readonly SearchValues<char> Letters = SearchValues.Create(Alphabet);

    private JoinTokenText(string id, string secret)
    {
        Id = id;
        Secret = secret;
    }

    /// <summary>Name of the <c>JoinToken</c> object. Not a secret.</summary>
    public string Id { get; }

    /// <summary>The secret. Never logged, never stored.</summary>
    public string Secret { get; }

    /// <summary>Lower-case hex SHA-256 of the secret's ASCII bytes, as it stands in <c>JoinToken.spec.secretHash</c>.</summary>
    public string SecretHash => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(Secret)));

    /// <summary>Makes a token.</summary>
    /// <param name="fill">Fills a span with bytes of a cryptographic generator.</param>
    public static JoinTokenText Create(Action<Span<byte>> fill) => new(Draw(fill, IdLength), Draw(fill, SecretLength));

    /// <summary>Reads a token; surrounding white space is allowed. False when the text is no token.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out JoinTokenText? token)
    {
        token = null;
        var parts = text?.Trim().Split('.') ?? [];
        if (parts is not [{ Length: IdLength } id, { Length: SecretLength } secret] || !IsDrawn(id) || !IsDrawn(secret))
        {
            return false;
        }

        token = new JoinTokenText(id, secret);
        return true;
    }

    /// <summary>Whether the secret is the one whose hash is stored. Takes the same time wherever they differ.</summary>
    public bool Matches(string? storedHash) =>
        storedHash is not null
        && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(SecretHash), Encoding.ASCII.GetBytes(storedHash.ToLowerInvariant()));

    /// <summary>The id alone: the secret does not leak by being formatted.</summary>
    public override string ToString() => $"{Id}.(secret)";

    /// <summary>The whole token, secret included.</summary>
    public string Reveal() => $"{Id}.{Secret}";

    private static string Draw(Action<Span<byte>> fill, int length)
    {
        Span<byte> random = stackalloc byte[length];
        fill(random);
        var text = new char[length];
        for (var i = 0; i < length; i++)
        {
            text[i] = Alphabet[random[i] & 31];
        }

        return new string(text);
    }

    private static bool IsDrawn(string text) => text.AsSpan().IndexOfAnyExcept(Letters) < 0;
}
