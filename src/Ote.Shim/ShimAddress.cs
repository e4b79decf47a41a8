using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Ote.Shim;

/// <summary>Where a shim listens: <c>unix:/path/shim.sock</c> or <c>https://host:port</c> (always mutual TLS).</summary>
public sealed record ShimAddress
{
    /// <summary>What the kernel has room for in a socket's address.</summary>
    private const int MaxSocketPathBytes = 107;

    private ShimAddress(string? socketPath, Uri? uri) => (SocketPath, Uri) = (socketPath, uri);

    /// <summary>Absolute path of the unix socket, or null.</summary>
    public string? SocketPath { get; }

    /// <summary>The https address, or null.</summary>
    public Uri? Uri { get; }

    /// <summary>Whether it is a unix socket.</summary>
    [MemberNotNullWhen(true, nameof(SocketPath))]
    [MemberNotNullWhen(false, nameof(Uri))]
    public bool IsUnix => SocketPath is not null;

    /// <summary>Reads an address. Throws <see cref="FormatException"/> that says what is wrong and what the forms are.</summary>
    public static ShimAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out ShimAddress? address, out string? error) ? address : throw new FormatException(error);
    }

    /// <summary>Reads an address without throwing; <paramref name="error"/> says what is wrong and what the forms are.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ShimAddress? address, [NotNullWhen(false)] out string? error)
    {
        (address, error) = (null, null);
        if (text is not null && text.StartsWith("unix:", StringComparison.Ordinal))
        {
            string path = text["unix:".Length..];
            if (path.StartsWith("//", StringComparison.Ordinal))
                path = path[2..];
            if (!path.StartsWith('/') || path.EndsWith('/') || path.Contains('\0', StringComparison.Ordinal))
                error = $"shim address '{text}' needs an absolute path of a socket file, such as unix:/run/ote/shim.sock";
            else if (Encoding.UTF8.GetByteCount(path) > MaxSocketPathBytes)
                error = $"shim address '{text}' is longer than the {MaxSocketPathBytes} bytes a unix socket's path may have: choose a shorter directory";
            else
                address = new ShimAddress(path, null);
        }
        else if (Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme == Uri.UriSchemeHttps
            && uri.PathAndQuery == "/" && uri.UserInfo.Length == 0 && uri.Fragment.Length == 0)
        {
            address = new ShimAddress(null, uri);
        }
        else
        {
            error = $"shim address '{text}' is neither unix:/path/shim.sock nor https://host:port";
        }
        return address is not null;
    }

    /// <inheritdoc />
    public override string ToString() => IsUnix ? "unix:" + SocketPath : Uri.GetLeftPart(UriPartial.Authority);
}
