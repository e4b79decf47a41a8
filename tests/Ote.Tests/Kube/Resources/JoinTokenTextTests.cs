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
