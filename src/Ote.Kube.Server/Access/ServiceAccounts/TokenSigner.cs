using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ote.Kube.Server.Access.ServiceAccounts;

/// <summary>
/// Signs JSON Web Tokens (RFC 7519) with ES256 and knows its own again. The key lies in a file that only the owner reads, or in memory when there is no
/// folder. Thread-safe.
/// </summary>
internal sealed class TokenSigner : IDisposable
{
    /// <summary>The algorithm: ECDSA over P-256 with SHA-256 (RFC 7518).</summary>
    public const string Algorithm = "ES256";

    /// <summary>The key's file.</summary>
    public const string FileName = "sa.key";

    private readonly Lock _gate = new();
    private readonly ECDsa _key;
    private readonly string _id;
    private readonly string _header;

    private TokenSigner(ECDsa key)
    {
        _key = key;
        _id = Base64Url.EncodeToString(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));
        _header = Encode(new JsonObject { ["alg"] = Algorithm, ["kid"] = _id });
    }

    /// <summary>Loads the key of a folder, or makes it.</summary>
    /// <exception cref="IOException">The file holds no such key; the message names it.</exception>
    public static TokenSigner Open(string? directory)
    {
        if (directory is null)
        {
            return new TokenSigner(ECDsa.Create(ECCurve.NamedCurves.nistP256));
        }

        PrivateFiles.MakeFolder(directory);
        var file = Path.Combine(directory, FileName);
        if (!File.Exists(file))
        {
            var fresh = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            PrivateFiles.Write(file, fresh.ExportPkcs8PrivateKeyPem());
            return new TokenSigner(fresh);
        }

        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(File.ReadAllText(file));
            return key.KeySize == 256 ? new TokenSigner(key) : throw new CryptographicException($"it has {key.KeySize} bits and not 256");
        }
        catch (Exception bad) when (bad is CryptographicException or ArgumentException)
        {
            key.Dispose();
            throw new IOException($"{file} is not the key of service account tokens: {bad.Message} Bring it back from a backup, or delete it: tokens signed with it are refused then.", bad);
        }
    }

    /// <summary>A token with these claims.</summary>
    public string Sign(JsonObject claims)
    {
        var signed = $"{_header}.{Encode(claims)}";
        lock (_gate)
        {
            return $"{signed}.{Base64Url.EncodeToString(_key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256))}";
        }
    }

    /// <summary>The claims of a token that this key signed; null for any other.</summary>
    public JsonObject? Verify(string token)
    {
        if (token.Split('.') is not [var header, var claims, var signature] || Decode(header) is not { } head
            || head["alg"]?.ToString() != Algorithm || head["kid"]?.ToString() != _id || !Base64Url.IsValid(signature))
        {
            return null;
        }

        var data = Encoding.UTF8.GetBytes($"{header}.{claims}");
        var given = Base64Url.DecodeFromChars(signature);
        lock (_gate)
        {
            if (!_key.VerifyData(data, given, HashAlgorithmName.SHA256))
            {
                return null;
            }
        }

        return Decode(claims);
    }

    /// <summary>The public key as a JSON Web Key Set (RFC 7517).</summary>
    public JsonObject PublicKeys()
    {
        var point = _key.ExportParameters(includePrivateParameters: false).Q;
        return new JsonObject
        {
            ["keys"] = new JsonArray(new JsonObject
            {
                ["use"] = "sig", ["kty"] = "EC", ["kid"] = _id, ["crv"] = "P-256", ["alg"] = Algorithm,
                ["x"] = Base64Url.EncodeToString(point.X), ["y"] = Base64Url.EncodeToString(point.Y),
            }),
        };
    }

    public void Dispose() => _key.Dispose();

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(Http.Answers.Bytes(part));

    private static JsonObject? Decode(string part)
    {
        try
        {
            return Base64Url.IsValid(part) ? JsonNode.Parse(Base64Url.DecodeFromChars(part)) as JsonObject : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
