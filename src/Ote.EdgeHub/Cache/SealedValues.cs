using System.Buffers;
using System.Security.Cryptography;

namespace Ote.EdgeHub.Cache;

/// <summary>
/// Encrypts what lies on the node's disk with a key that lies beside it, readable by the owner alone (AES-256-GCM, NIST SP 800-38D, a fresh 96-bit nonce each time): a copy of the database, a backup of it or
/// a disk that is handed on without the key tells nothing. What a value belongs to is bound into it, so that values cannot be exchanged for one another. Thread-safe.
/// </summary>
internal sealed class SealedValues : IDisposable
{
    private const string FileName = "node.key";
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const int KeyBytes = 32;
    private readonly byte[] _key;
    private readonly AesGcm _cipher; // making one costs more than what it does to a small value
    private readonly Lock _gate = new();

    private SealedValues(byte[] key) => (_key, _cipher) = (key, new AesGcm(key, TagBytes));

    /// <summary>Whether a folder has a key. Nothing is changed.</summary>
    public static bool IsKey(string folder) => new FileInfo(Path.Combine(folder, FileName)) is { Exists: true, Length: KeyBytes };

    /// <summary>Takes the key of a folder, or makes one; one that was cut short is put aside.</summary>
    /// <exception cref="IOException">The file cannot be read or written.</exception>
    public static SealedValues Open(string folder)
    {
        var file = Path.Combine(folder, FileName);
        if (File.Exists(file) && !IsKey(folder))
        {
            File.Move(file, file + ".damaged", overwrite: true); // Cut off by a power cut, say: what it sealed is lost, and is put aside when it turns out not to be read.
        }

        if (!File.Exists(file))
        {
            var fresh = file + ".new";
            File.Delete(fresh);
            using (var stream = new FileStream(fresh, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
            {
                stream.Write(RandomNumberGenerator.GetBytes(KeyBytes));
                stream.Flush(flushToDisk: true);
            }

            File.Move(fresh, file);
        }

        return new SealedValues(File.ReadAllBytes(file));
    }

    /// <summary>Encrypts a value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="place">What it belongs to.</param>
    public byte[] Seal(ReadOnlySpan<byte> value, ReadOnlySpan<byte> place)
    {
        var result = new byte[NonceBytes + value.Length + TagBytes];
        RandomNumberGenerator.Fill(result.AsSpan(0, NonceBytes));
        lock (_gate)
        {
            _cipher.Encrypt(result.AsSpan(0, NonceBytes), value, result.AsSpan(NonceBytes, value.Length), result.AsSpan(NonceBytes + value.Length), place);
        }

        return result;
    }

    /// <summary>Decrypts one.</summary>
    /// <exception cref="CryptographicException">It was changed, belongs elsewhere, or another key sealed it.</exception>
    public byte[] Unseal(ReadOnlySpan<byte> stored, ReadOnlySpan<byte> place)
    {
        if (stored.Length < NonceBytes + TagBytes)
        {
            throw new CryptographicException("a stored value is too short to be one");
        }

        var value = new byte[stored.Length - NonceBytes - TagBytes];
        Decrypt(stored, value, place);
        return value;
    }

    /// <summary>Whether one is what was sealed.</summary>
    public bool IsWhole(ReadOnlySpan<byte> stored, ReadOnlySpan<byte> place)
    {
        if (stored.Length < NonceBytes + TagBytes)
        {
            return false;
        }

        var length = stored.Length - NonceBytes - TagBytes;
        var room = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            Decrypt(stored, room.AsSpan(0, length), place);
            return true;
        }
        catch (CryptographicException)
        {
            return false;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(room.AsSpan(0, length));
            ArrayPool<byte>.Shared.Return(room);
        }
    }

    /// <summary>A text that stands for a secret and from which nobody without the key learns it.</summary>
    public string Mark(string secret) => Convert.ToHexString(HMACSHA256.HashData(_key, System.Text.Encoding.UTF8.GetBytes(secret)));

    public void Dispose() => _cipher.Dispose();

    private void Decrypt(ReadOnlySpan<byte> stored, Span<byte> value, ReadOnlySpan<byte> place)
    {
        lock (_gate)
        {
            _cipher.Decrypt(stored[..NonceBytes], stored[NonceBytes..^TagBytes], stored[^TagBytes..], value, place);
        }
    }
}
