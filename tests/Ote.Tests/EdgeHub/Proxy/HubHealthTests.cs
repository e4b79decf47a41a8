using Ote.EdgeHub.Offline;
using Ote.EdgeHub.Proxy;

namespace Ote.Tests.EdgeHub.Proxy;

public sealed class HubHealthTests
{
    private static readonly DateTimeOffset s_since = new(2026, 11, 27, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("/healthz", "ok")]
    [InlineData("/livez", "ok")]
    [InlineData("/livez?verbose", "[+]edgehub ok\nlivez check passed\n")]
    [InlineData("/healthz/edgehub", "ok")]
    public void The_hub_lives_whether_an_API_server_does_or_not(string target, string text) => Assert.Equal((200, text), Of(target));

    [Theory]
    [InlineData("/readyz")]
    [InlineData("/readyz?verbose")]
    [InlineData("/readyz/")]
    public void Ready_is_what_components_of_the_node_need_and_people_read_that_no_API_server_is_reached(string target) => Assert.Equal(
        (200, """
        [+]edgehub ok
        [+]cache ok
        [-]api-server failed: cut off since 2026-11-27T12:00:00Z; this node's hub answers from what it has kept
        readyz check passed: this node's hub answers in the API server's place

        """),
        Of(target));

    [Fact]
    public void One_that_answers_again_is_not_yet_asked_while_it_is_told_what_was_written() =>
        Assert.Contains("[-]api-server failed: one answers again, and is being told what was written since 2026-11-27T12:00:00Z", HubHealth.Of("/readyz", ConnectionState.Returning, s_since, null).Text, StringComparison.Ordinal);

    [Fact]
    public void A_cache_that_cannot_be_written_is_said_and_keeps_no_component_from_going_on()
    {
        var (code, text) = HubHealth.Of("/readyz", ConnectionState.CutOff, s_since, "disk full");
        Assert.Equal(200, code);
        Assert.Contains("[-]cache failed: disk full\n", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/readyz/etcd", 404)] // an API server's, of which nothing is known
    [InlineData("/livez/api-server", 404)]
    [InlineData("/readyz/api-server/x", 404)]
    [InlineData("/readyz/cache", 200)]
    [InlineData("/readyz/api-server", 503)] // who asks for that alone wants to know it
    public void Single_checks_are_the_hubs_own(string target, int code) => Assert.Equal(code, Of(target).Code);

    [Theory]
    [InlineData("/readyz/api-server", true)]
    [InlineData("/readyz/cache?verbose", true)]
    [InlineData("/readyz/edgehub", true)]
    [InlineData("/readyz/etcd", false)]
    [InlineData("/readyz", false)]
    [InlineData("/livez/cache", false)]
    public void What_an_API_server_does_not_know_is_told_while_connected_too(string target, bool isOwn)
    {
        Assert.Equal(isOwn, HubHealth.IsOwn(target));
        if (isOwn)
        {
            Assert.Equal((200, "ok"), HubHealth.Of(target, ConnectionState.Connected, s_since, null));
        }
    }

    [Theory]
    [InlineData("GET", "/readyz?verbose", true)]
    [InlineData("HEAD", "/livez/ping", true)]
    [InlineData("POST", "/readyz", false)]
    [InlineData("GET", "/readyzed", false)]
    [InlineData("GET", "/version", false)]
    [InlineData("GET", "/api/v1/namespaces/a/services/b/proxy/healthz", false)]
    public void Nothing_else_is_answered_so(string method, string target, bool concerns) => Assert.Equal(concerns, HubHealth.Concerns(method, target));

    private static (int Code, string Text) Of(string target) => HubHealth.Of(target, ConnectionState.CutOff, s_since, null);
}
