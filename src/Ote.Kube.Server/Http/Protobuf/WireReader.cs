using System.Buffers.Binary;
using System.Text;

namespace Ote.Kube.Server.Http.Protobuf;

/// <summary>Reads protobuf's wire format from one message. Bytes that are no message end in a <see cref="FormatException"/>.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
    private ReadOnlySpan<byte> _left = bytes;

    /// <summary>What kind of value follows a field's number.</summary>
    public int WireType { get; private set; }

    /// <summary>The number of the next field; false at the end.</summary>
    public bool Next(out int field)
    {
        field = 0;
        if (_left.IsEmpty)
        {
            return false;
        }

        var tag = Varint();
        WireType = (int)(tag & 7);
        field = tag >> 3 is > 0 and <= int.MaxValue and var number ? (int)number : throw new FormatException("a field number is out of range");
        return true;
    }

    /// <summary>A whole number.</summary>
    public long Whole()
    {
        Expect(0);
        return (long)Varint();
    }

    /// <summary>A double.</summary>
    public double Real()
    {
        Expect(1);
        return BinaryPrimitives.ReadDoubleLittleEndian(Take(8));
    }

    /// <summary>Bytes, or a message within.</summary>
    public ReadOnlySpan<byte> Bytes()
    {
        Expect(2);
        var length = Varint();
        return length <= (ulong)_left.Length ? Take((int)length) : throw new FormatException("a field is longer than its message");
    }

    /// <summary>Text.</summary>
    public string Text()
    {
        try
        {
            return Strict.GetString(Bytes());
        }
        catch (DecoderFallbackException bad)
        {
            throw new FormatException("a text is not UTF-8", bad);
        }
    }

    /// <summary>Reads past the value that comes next, and tells whether it was empty or 0; false, and nothing further can be read, when it was not.</summary>
    public bool SkipsNothing() => WireType switch
    {
        0 => Varint() == 0,
        2 => Varint() == 0,
        _ => false,
    };

    private readonly void Expect(int wireType)
    {
        if (WireType != wireType)
        {
            throw new FormatException($"a field has wire type {WireType} where {wireType} belongs");
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _left.Length)
        {
            throw new FormatException("a message ends within a field");
        }

        var taken = _left[..count];
        _left = _left[count..];
        return taken;
    }

    private ulong Varint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Take(1)[0];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new FormatException("a number has more than 64 bits");
    }
}
