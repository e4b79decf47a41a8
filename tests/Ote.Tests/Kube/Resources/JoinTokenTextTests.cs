using System.Reflection;
using Ote.Kube.Resources;

namespace Ote.Tests.Kube.Resources;

public sealed class JoinTokenTextTests
{
    [Fact]
    public void Created_token_reads_back_and_matches_only_its_own_hash()
    {
        byte next = 0;
        void Fill(Span<byte> bytes)
        {
            foreach (ref var b in bytes)
            {
                b = next++;
            }
        }

        var token = JoinTokenText.Create(Fill);
        var other = JoinTokenText.Create(Fill);
        Assert.True(JoinTokenText.TryParse($" {token.Reveal()}\n", out var read));
        Assert.Equal("abcdef", read!.Id);
        Assert.Equal(64, read.SecretHash.Length);
        Assert.True(read.Matches(token.SecretHash));
        Assert.False(read.Matches(other.SecretHash));
        Assert.False(read.Matches(null));
        Assert.DoesNotContain(token.Secret, token.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Secret_is_compared_in_constant_time_and_by_nothing_else()
    {
        var method = typeof(JoinTokenText).GetMethod(nameof(JoinTokenText.Matches))!;
        var code = method.GetMethodBody()!.GetILAsByteArray()!;
        var called = Enumerable.Range(0, code.Length - 4)
            .Where(at => code[at] is 0x28 or 0x6F) // call, callvirt
            .Select(at => Resolve(method.Module, BitConverter.ToInt32(code, at + 1)))
            .OfType<MethodBase>()
            .Select(m => $"{m.DeclaringType!.Name}.{m.Name}")
            .ToArray();
        Assert.Contains("CryptographicOperations.FixedTimeEquals", called);
        Assert.DoesNotContain(called, name => name is "String.Equals" or "String.op_Equality" or "MemoryExtensions.SequenceEqual" or "String.Compare");
    }

    private static MethodBase? Resolve(Module module, int token)
    {
        try
        {
            return module.ResolveMethod(token);
        }
        catch (ArgumentException)
        {
            return null; // not the operand of a call after all
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("abcdef")]
    [InlineData("abcdef.short")]
    [InlineData("abcde.abcdefghijklmnopqrstuvwxyz234567")]
    [InlineData("abcdef.ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")]
    [InlineData("abcdef.abcdefghijklmnopqrstuvwxyz23456/")]
    [InlineData("abcdef.abcdefghijklmnopqrstuvwxyz234567.x")]
    public void Anything_else_is_no_token(string? text) => Assert.False(JoinTokenText.TryParse(text, out _));
}
