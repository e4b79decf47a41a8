using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Ote.Kube.Client;

/// <summary>
/// A certificate in files that somebody renews, as a kubelet does its own: each new connection shows what the files hold then. While they cannot be read, or are being written, the last that could is shown. Thread-safe.
/// </summary>
/// <param name="certificateFile">In PEM; it may hold the key as well.</param>
/// <param name="keyFile">In PEM.</param>
public sealed class RenewedCertificate(string certificateFile, string keyFile)
{
    private readonly Lock _gate = new();
    private string _read = "";
    private X509Certificate2? _certificate;

    /// <summary>The newest there is.</summary>
    /// <exception cref="IOException">The files were never readable.</exception>
    /// <exception cref="CryptographicException">They never held a certificate with its key.</exception>
    public X509Certificate2 Current
    {
        get
        {
            lock (_gate)
            {
                try
                {
                    var certificate = File.ReadAllText(certificateFile);
                    var key = keyFile == certificateFile ? certificate : File.ReadAllText(keyFile);
                    var read = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(certificate + "\n" + key))); // the key itself need not lie in memory twice
                    if (_certificate is null || read != _read)
                    {
                        // The former one stays: a connection that is being made may be showing it.
                        (_certificate, _read) = (Pair(certificate, key), read);
                    }
                }
                catch (Exception unreadable) when (_certificate is not null && unreadable is IOException or UnauthorizedAccessException or CryptographicException)
                {
                    // It is being written; the next connection finds it.
                }

                return _certificate!;
            }
        }
    }

    /// <summary>A certificate with its key.</summary>
    /// <param name="certificate">In PEM.</param>
    /// <param name="key">In PEM.</param>
    /// <exception cref="CryptographicException">One is none, or the key is another's, as when one of both was renewed and the other not yet.</exception>
    internal static X509Certificate2 Pair(string certificate, string key)
    {
        try
        {
            return X509Certificate2.CreateFromPem(certificate, key);
        }
        catch (ArgumentException unlike)
        {
            throw new CryptographicException("the key is not that of the certificate", unlike);
        }
    }
}
