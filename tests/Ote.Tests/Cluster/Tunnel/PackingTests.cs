using System.Buffers;
using System.IO.Compression;
using System.Text;
using CsCheck;
using Ote.Cluster.Tunnel;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Tunnel;

public sealed class PackingTests
{
    private static readonly TunnelOptions Agreed = new();

    [Fact]
    public void What_is_packed_comes_out_the_same_whatever_its_size() =>
        Gen.Select(Gen.Int[1, 300_000], Gen.Int[1, 40], Gen.Int).Sample((size, letters, seed) =>
        {
            var random = new Random(seed);
            byte[] body = new byte[size];
            for (int i = 0; i < size; i++) body[i] = (byte)('a' + random.Next(letters));
            if (Packing.TryPack(body) is not { } packed) return;
            Assert.True(packed.Length <= size * 0.9 + 1);
            byte[] rented = Packing.Unpack(packed, size);
            Assert.True(rented.AsSpan(0, size).SequenceEqual(body));
            ArrayPool<byte>.Shared.Return(rented);
        });

    [Fact]
    public void What_does_not_save_a_tenth_is_not_packed()
    {
        byte[] noise = new byte[10_000];
        new Random(1).NextBytes(noise);
        Assert.Null(Packing.TryPack(noise));
    }

    [Fact]
    public void A_bomb_is_a_violation_however_little_it_announces()
    {
        byte[] bomb = new byte[100_000];
        Assert.True(BrotliEncoder.TryCompress(new byte[50_000_000], bomb, out int length));
        Assert.InRange(length, 1, 2000);
        ProtocolViolation violation = Assert.Throws<ProtocolViolation>(() => Packing.Unpack(bomb.AsSpan(0, length), 10_000));
        Assert.Equal(ViolationReason.BadCompression, violation.Reason);
        Assert.Contains("after 10000 bytes of a message of 10000", violation.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_claim_that_nothing_follows_takes_no_memory_to_speak_of()
    {
        byte[] packed = Packing.TryPack(Encoding.UTF8.GetBytes(new string('x', 5000)))!;
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(ViolationReason.BadCompression, Assert.Throws<ProtocolViolation>(() => Packing.Unpack(packed, 8 * 1024 * 1024)).Reason);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
    }

    [Fact]
    public void Rubbish_a_cut_and_a_tail_are_violations()
    {
        byte[] packed = Packing.TryPack(Encoding.UTF8.GetBytes(new string('x', 5000)))!;
        foreach (byte[] wrong in (byte[][])[[0xDE, 0xAD, 0xBE, 0xEF], packed[..^1], [.. packed, 1], []])
        {
            Assert.Equal(ViolationReason.BadCompression, Assert.Throws<ProtocolViolation>(() => Packing.Unpack(wrong, 5000)).Reason);
        }
    }

    [Fact]
    public void A_size_above_the_limit_and_a_method_not_agreed_on_are_refused_before_anything_else()
    {
        Assert.Equal(ViolationReason.MessageTooLarge, Refused(Compression.Brotli, (uint)Agreed.MaxMessageBytes + 1, Agreed));
        Assert.Equal(ViolationReason.MessageTooLarge, Refused(Compression.Brotli, uint.MaxValue, Agreed));
        Assert.Equal(ViolationReason.MessageTooLarge, Refused(Compression.Brotli, 0, Agreed));
        Assert.Equal(ViolationReason.BadCompression, Refused((Compression)9, 100, Agreed));
        Assert.Equal(ViolationReason.BadCompression, Refused(Compression.None, 100, Agreed));
        Assert.Equal(ViolationReason.BadCompression, Refused(Compression.Brotli, 100, Agreed with { Compress = false }));
    }

    [Fact]
    public void A_lane_that_did_not_pay_some_times_in_a_row_is_tried_now_and_then_until_it_does()
    {
        PackingChoice choice = new();
        for (int i = 0; i < PackingChoice.Misses; i++)
        {
            Assert.True(choice.ShouldTry(4));
            choice.Tried(4, paid: false);
        }

        int tries = 0;
        for (int i = 0; i < 10 * PackingChoice.OneIn; i++)
        {
            if (!choice.ShouldTry(4)) continue;
            tries++;
            choice.Tried(4, paid: false);
        }

        Assert.Equal(10, tries);
        Assert.True(choice.ShouldTry(3)); // another lane's misses are its own
        choice.Tried(4, paid: true);
        Assert.True(choice.ShouldTry(4));
    }

    [Theory]
    [InlineData(false, null, false)]
    [InlineData(false, 19, false)]
    [InlineData(false, 20, true)]
    [InlineData(true, null, true)]
    public void Bytes_are_scarce_where_they_are_counted_or_the_peer_is_far(bool budget, int? milliseconds, bool scarce) =>
        Assert.Equal(scarce, PackingChoice.IsScarce(budget, milliseconds is { } ms ? TimeSpan.FromMilliseconds(ms) : null));

    private static ViolationReason Refused(Compression method, uint original, TunnelOptions agreed) =>
        Assert.Throws<ProtocolViolation>(() => Packing.Check(method, original, agreed)).Reason;
}
