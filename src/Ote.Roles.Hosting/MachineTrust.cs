using System.Runtime.InteropServices;

namespace Ote.Roles.Hosting;

/// <summary>
/// The machine's list of public certificate authorities. Before the platform builds its first chain it reads and parses all of that list, some
/// 140 certificates, also where one private CA alone is trusted, as between clusters: more than half of a start's CPU, and 2 MB for good.
/// </summary>
internal static partial class MachineTrust
{
    /// <summary>
    /// From now on this process finds no public authorities. For roles that trust CAs of files they are given and nobody else; to be called before
    /// the first TLS connection or certificate chain.
    /// </summary>
    public static void LeaveOut()
    {
        // Enumerated once, the runtime's environment is a copy of its own, and processes started later (credential plugins) are given that copy.
        _ = Environment.GetEnvironmentVariables();
        _ = SetNative("SSL_CERT_FILE", "/dev/null", overwrite: 1);
        _ = SetNative("SSL_CERT_DIR", "/dev/null", overwrite: 1);
    }

    // The runtime's own setter changes its copy only, and OpenSSL's paths are asked of the C library.
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNative(string name, string value, int overwrite);
}
