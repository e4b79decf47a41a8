using System.Text.Json.Nodes;
using Ote.Kube.Objects;
using Ote.Kube.Resources;

namespace Ote.Tests.Ctl.Joining;

public sealed class JoinTokenCommandTests
{
    [Theory]
    [InlineData("Bad_*")]
    [InlineData("-shop")]
    public async Task A_name_pattern_that_no_cluster_can_have_is_refused(string pattern)
    {
        await using var world = await CtlWorld.StartAsync();
        var result = await world.RunAsync("join-token", "create", "--name=" + pattern);
        Assert.Equal(2, result.Code);
        Assert.StartsWith($"error: --name: no cluster can be called as in '{pattern}'", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Created_token_is_printed_once_with_the_command_and_stored_as_a_hash()
    {
        await using var world = await CtlWorld.StartAsync();
        await PublishAsync(world);
        var result = await world.RunAsync("join-token", "create", "--ttl", "2h", "--uses", "3", "--no-auto-accept", "--name", "shop-*");
        Assert.Equal(
            """
            Token:    abcdef.ghijklmnopqrstuvwxyz234567abcdef
            CA pin:   sha256:00ff
            Parent:   https://root.test:8287
            Expires:  2026-03-01T14:00:00Z (in 120m)

            The token is shown only now. On the machine of the new cluster, with a name and a directory of your choice:

              (umask 077; echo abcdef.ghijklmnopqrstuvwxyz234567abcdef > join-token)
              ote cluster-controller --name NAME --data DIR --parent https://root.test:8287 --ca-pin sha256:00ff --join-token-file join-token

            """,
            result.Out);
        Assert.Equal((0, ""), (result.Code, result.Error));
        var stored = (await world.Api.GetAsync(Kinds.JoinTokens, null, "abcdef", CtlWorld.Stop))!;
        Assert.DoesNotContain("ghijkl", stored.ToJsonString(), StringComparison.Ordinal);
        Assert.True(JoinTokenText.TryParse("abcdef.ghijklmnopqrstuvwxyz234567abcdef", out var token));
        Assert.Equal(token!.SecretHash, stored.Text("spec", "secretHash"));
        Assert.Equal("2026-03-01T14:00:00Z", stored.Text("spec", "expiresAt"));
        Assert.Equal(3, stored.Whole("spec", "uses"));
        Assert.False(stored.Truth("spec", "autoAccept"));
        Assert.Equal("shop-*", stored.Text("spec", "namePattern"));
    }

    [Fact]
    public async Task By_default_a_token_is_for_one_cluster_and_one_day_and_accepts_it()
    {
        await using var world = await CtlWorld.StartAsync();
        await PublishAsync(world);
        var answer = JsonNode.Parse((await world.RunAsync("join-token", "create", "-o", "json")).Out);
        Assert.Equal("sha256:00ff", answer.Text("caPin"));
        Assert.EndsWith("--join-token-file join-token", answer.Text("command"), StringComparison.Ordinal);
        var spec = (await world.Api.GetAsync(Kinds.JoinTokens, null, answer.Text("id")!, CtlWorld.Stop))!["spec"];
        Assert.Equal(("2026-03-02T12:00:00Z", 1L, true), (spec.Text("expiresAt"), spec.Whole("uses"), spec.Truth("autoAccept")));
    }

    [Fact]
    public async Task A_root_that_has_not_published_its_pin_is_said_so()
    {
        await using var world = await CtlWorld.StartAsync();
        var result = await world.RunAsync("join-token", "create");
        Assert.Equal(0, result.Code);
        Assert.Contains("CA pin:   <not published yet>", result.Out, StringComparison.Ordinal);
        Assert.Contains("ConfigMap ote-system/ote-tree; start the root's cluster-controller", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokens_are_listed_without_secrets_and_revoked_by_id()
    {
        await using var world = await CtlWorld.StartAsync();
        await world.RunAsync("join-token", "create", "--uses", "0", "--ttl", "1h");
        world.Time.Advance(TimeSpan.FromHours(2));
        await world.RunAsync("join-token", "create");
        Assert.Equal(
            """
            ID       STATE     USED   EXPIRES   ACCEPT   NAMES   LETS IN   AGE
            ghijkl   valid     0/1    in 24h    auto     *       root      0s
            abcdef   expired   0      60m ago   auto     *       root      120m

            """,
            (await world.RunAsync("join-token", "list")).Out);
        Assert.Equal("join token abcdef revoked\n", (await world.RunAsync("join-token", "revoke", "abcdef")).Out);
        var unknown = await world.RunAsync("join-token", "revoke", "ghijkx");
        Assert.Equal(1, unknown.Code);
        Assert.Contains("(did you mean ghijkl?)", unknown.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("join-token create")]
    [InlineData("join-token list")]
    [InlineData("join-token revoke abcdef")]
    public async Task At_another_controllers_api_tokens_are_refused_since_nobody_goes_by_them_there(string typed)
    {
        await using var world = await CtlWorld.StartAsync();
        await world.AddClusterAsync("north", null, path: ["root", "north"]);
        var result = await world.RunAsync(typed.Split(' '));
        Assert.Equal((1, ""), (result.Code, result.Out));
        Assert.Equal(
            "error: the control API at https://control.test/ is not the root's, which alone goes by join tokens (one that another cluster is to let in by is made there too, with --issuer); give --kubeconfig of the root\n",
            result.Error);
        Assert.Empty((await world.Api.ListAsync(Kinds.JoinTokens, null, null, CtlWorld.Stop)).Items);
    }

    [Fact]
    public async Task A_root_that_writes_itself_while_it_is_asked_for_is_the_root()
    {
        await using var world = await CtlWorld.StartAsync();
        world.Between = inner => new WritesRootAfterFirstAnswer(inner, world);
        var result = await world.RunAsync("join-token", "create");
        Assert.Equal(0, result.Code);
        Assert.Contains("Token:    abcdef.", result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Opposite_wishes_are_code_2()
    {
        await using var world = await CtlWorld.StartAsync();
        Assert.Equal(2, (await world.RunAsync("join-token", "create", "--auto-accept", "--no-auto-accept")).Code);
    }

    private static Task<JsonObject> PublishAsync(CtlWorld world) => world.Api.CreateAsync(
        Kinds.ConfigMaps,
        "ote-system",
        new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "ConfigMap",
            ["metadata"] = new JsonObject { ["name"] = "ote-tree", ["namespace"] = "ote-system" },
            ["data"] = new JsonObject { ["caPin"] = "sha256:00ff", ["parentAddress"] = "https://root.test:8287" },
        },
        CtlWorld.Stop);

    private sealed class WritesRootAfterFirstAnswer(HttpMessageHandler inner, CtlWorld world) : DelegatingHandler(inner)
    {
        private bool _written;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = await base.SendAsync(request, cancellationToken);
            if (!_written)
            {
                _written = true;
                await world.AddClusterAsync("root", null, path: ["root"]);
            }

            return answer;
        }
    }
}
