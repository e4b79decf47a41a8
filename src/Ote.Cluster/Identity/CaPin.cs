using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Ote.Cluster.Identity;

/// <summary>The fingerprint of a CA's public key, by which a joining cluster knows the right tree: <c>sha256:</c> and 64 hex digits.</summary>
public readonly record struct CaPin
{
    private const string Prefix = "sha256:";
    private readonly string hex;

    private CaPin(string hex) => this.hex = hex;

    /// <summary>The pin of a certificate's key.</summary>
    public static CaPin Of(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return new CaPin(Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo())));
    }

    /// <summary>Reads a pin's text.</summary>
    public static bool TryParse(string? text, out CaPin pin)
    {
        pin = default;
        text = text?.Trim();
        if (text is null || text.Length != Prefix.Length + 64 || !text.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)) return false;
        string digits = text[Prefix.Length..].ToLowerInvariant();
        if (!digits.All(char.IsAsciiHexDigitLower)) return false;
        pin = new CaPin(digits);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Prefix + hex;
}
