using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Ote.EdgeHub;

/// <summary>Sees whether what lies in a folder can only have been put there by the user that the process runs as, or by root. Looks, and changes nothing; may be called from any thread.</summary>
public static partial class PrivateFolder
{
    private const int CurrentFolder = -100; // AT_FDCWD
    private const uint OfOwner = 0x8; // STATX_UID
    private const int StatxLength = 256, OwnerAt = 20; // statx(2): the same on all architectures, unlike stat(2)

    /// <summary>Looks at a folder; one that is not there yet is nobody's, but for who may make it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="option">What names it on the command line.</param>
    /// <param name="things">What others could put there, such as <c>a key or a cache</c>.</param>
    /// <exception cref="IOException">Others may write there, or it is another user's.</exception>
    [UnsupportedOSPlatform("windows")]
    public static void Check(string folder, string option, string things)
    {
        for (var above = Path.GetDirectoryName(Path.GetFullPath(folder)); above is not null; above = Path.GetDirectoryName(above))
        {
            // Where a folder is sticky, as /tmp is, nobody moves what belongs to somebody else.
            if (Directory.Exists(above) && File.GetUnixFileMode(above) is var mode && mode.HasFlag(UnixFileMode.OtherWrite) && !mode.HasFlag(UnixFileMode.StickyBit))
            {
                throw new IOException($"{above} can be written by anybody, who could put {things} of theirs in the place of {folder}: chmod o-w {above}, or name another directory with {option}.");
            }
        }

        if (!Directory.Exists(folder))
        {
            return;
        }

        if ((File.GetUnixFileMode(folder) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0)
        {
            throw new IOException($"{folder} can be written by others than its owner, who could put {things} of theirs there: chmod 700 {folder}, or name another directory with {option}.");
        }

        if (OperatingSystem.IsLinux() && Owner(folder) is { } owner && owner != 0 && owner != EffectiveUser())
        {
            throw new IOException($"{folder} belongs to user {owner}, who could put {things} there, and the hub runs as user {EffectiveUser()}: chown {EffectiveUser()} {folder} once you have seen what is in it, or name another directory with {option}.");
        }
    }

    /// <summary>The user id of a folder's owner; null: it cannot be known.</summary>
    [SupportedOSPlatform("linux")]
    private static uint? Owner(string folder)
    {
        Span<byte> told = stackalloc byte[StatxLength];
        return Statx(CurrentFolder, folder, 0, OfOwner, told) == 0 ? MemoryMarshal.Read<uint>(told[OwnerAt..]) : null;
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, Span<byte> told);
}
