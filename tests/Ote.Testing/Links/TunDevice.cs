using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Ote.Testing.Links;

/// <summary>
/// A network interface whose cable ends in this process: what the kernel sends over it is read here, packet by packet, and what is
/// written here the kernel receives. Linux, as root. The interface is gone with this, wherever it was moved to meanwhile.
/// </summary>
public sealed partial class TunDevice : IDisposable
{
    private const int OpenReadWrite = 2;
    private const int CloseOnExec = 0x80000;
    private const nuint SetInterface = 0x400454ca; // TUNSETIFF
    private const short TunWithoutHeader = 0x1001; // IFF_TUN | IFF_NO_PI
    private const int NameBytes = 16;
    private const int RequestBytes = 40;
    private const short Readable = 1;
    private readonly SafeFileHandle handle;

    private TunDevice(SafeFileHandle handle, string name) => (this.handle, Name) = (handle, name);

    /// <summary>As <c>ip link</c> names it.</summary>
    public string Name { get; }

    /// <summary>Makes an interface, which is down and without addresses.</summary>
    /// <param name="name">At most 15 characters; not yet taken in this network namespace.</param>
    /// <exception cref="IOException">The kernel refuses.</exception>
    public static TunDevice Open(string name)
    {
        int descriptor = OpenFile("/dev/net/tun", OpenReadWrite | CloseOnExec);
        if (descriptor < 0) throw Refused($"/dev/net/tun cannot be opened: run as root, on a kernel with tun, or make it with mknod /dev/net/tun c 10 200");
        SafeFileHandle handle = new(descriptor, ownsHandle: true);
        byte[] request = new byte[RequestBytes];
        Encoding.ASCII.GetBytes(name).AsSpan(0, Math.Min(name.Length, NameBytes - 1)).CopyTo(request);
        BitConverter.TryWriteBytes(request.AsSpan(NameBytes), TunWithoutHeader);
        if (Control(handle, SetInterface, request) >= 0) return new TunDevice(handle, name);
        IOException refused = Refused($"the interface {name} cannot be made: is the name taken (ip link), or are rights missing (CAP_NET_ADMIN)?");
        handle.Dispose();
        throw refused;
    }

    /// <summary>The next packet the kernel sends; 0 when there is none within the patience.</summary>
    /// <exception cref="IOException">The interface is gone.</exception>
    public int Read(byte[] packet, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(packet);
        PollRequest[] wanted = [new() { Descriptor = (int)handle.DangerousGetHandle(), Wanted = Readable }];
        if (Poll(wanted, 1, (int)patience.TotalMilliseconds) <= 0) return 0;
        nint count = ReadFile(handle, packet, (nuint)packet.Length);
        return count >= 0 ? (int)count : throw Refused($"the interface {Name} is gone");
    }

    /// <summary>The kernel receives this packet. One that it cannot take now, such as while the interface is down, is lost.</summary>
    public void Write(byte[] packet)
    {
        ArgumentNullException.ThrowIfNull(packet);
        WriteFile(handle, packet, (nuint)packet.Length);
    }

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();

    private static IOException Refused(string what) => new($"{what} ({Marshal.GetLastPInvokeErrorMessage()})");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(SafeFileHandle file, nuint request, byte[] argument);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll([In, Out] PollRequest[] wanted, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadFile(SafeFileHandle file, [Out] byte[] buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteFile(SafeFileHandle file, byte[] buffer, nuint count);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollRequest
    {
        public int Descriptor;
        public short Wanted;
        public short Seen;
    }
}
