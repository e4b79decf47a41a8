using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Ote.Cluster.Handling;

namespace Ote.Tests.Cluster.Handling;

public sealed class NameRefusalsTests
{
    private static readonly ByteString Proof = ByteString.CopyFromUtf8("proof");
    private readonly FakeTimeProvider _time = new();

    /// <summary>Seed 131 of the simulation: one without a proof had taken its name while the root was away, and was long gone when its parents let it in again.</summary>
    [Theory]
    [InlineData(true, 20)]
    [InlineData(false, 300)]
    public void Who_shows_that_the_root_has_admitted_it_is_let_in_again_sooner_when_another_had_its_name(bool member, int seconds)
    {
        var shown = member ? Proof : ByteString.Empty;
        var refusals = new NameRefusals(_time);
        refusals.Add("u-c32", "taken");
        _time.Advance(TimeSpan.FromSeconds(seconds - 1));
        Assert.Equal("taken", refusals.Find("u-c32", shown));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(refusals.Find("u-c32", shown));
    }

    [Fact]
    public void A_proof_that_did_not_do_is_refused_for_the_whole_time_and_another_at_once_let_in()
    {
        var refusals = new NameRefusals(_time);
        refusals.Add("u-c1", "no member", Proof);
        _time.Advance(TimeSpan.FromMinutes(4));
        Assert.Equal("no member", refusals.Find("u-c1", Proof));
        Assert.Null(refusals.Find("u-c1", ByteString.CopyFromUtf8("another")));
    }
}
