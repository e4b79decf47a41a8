using System.IO.Hashing;
using System.Text;

namespace Ote.Mirror.Reporting;

/// <summary>
/// The mark of one reported object: XXH3 (64 bits) of its JSON, seeded with XXH3 of <c>namespace/name</c>. The sum of the marks of all objects of a
/// stream, modulo 2^64, is the stream's digest: it does not depend on an order, and changes with each object by two additions.
/// </summary>
public static class ReportDigest
{
    private const int StackBytes = 512;

    /// <summary>The mark; never of an object that is gone.</summary>
    /// <param name="ns">Namespace; empty for none.</param>
    /// <param name="name">Name.</param>
    /// <param name="json">The object as it is reported.</param>
    public static ulong Of(string ns, string name, ReadOnlySpan<byte> json)
    {
        ArgumentNullException.ThrowIfNull(ns);
        ArgumentNullException.ThrowIfNull(name);
        var most = Encoding.UTF8.GetMaxByteCount(ns.Length + 1 + name.Length);
        var key = most <= StackBytes ? stackalloc byte[StackBytes] : new byte[most];
        var length = Encoding.UTF8.GetBytes(ns, key);
        key[length++] = (byte)'/';
        length += Encoding.UTF8.GetBytes(name, key[length..]);
        return XxHash3.HashToUInt64(json, unchecked((long)XxHash3.HashToUInt64(key[..length])));
    }
}
