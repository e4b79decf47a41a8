using System.Net;
using System.Text.Json.Nodes;
using Ote.Kube.Client;
using Ote.Kube.Objects;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>Who asks over a real socket and does not read costs the server a bounded piece, and nobody else anything.</summary>
public sealed class SlowReaderTests
{
    private const string Maps = "api/v1/namespaces/default/configmaps";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WatcherThatDoesNotRead_IsCutOff_AndAnotherHearsOfEachChangeAsItComes()
    {
        // Thirty megabytes: more than the kernel and the client's handler take in for somebody who does not read.
        const int Changes = 150;
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { WatchBuffer = 5, HistoryKept = 20 });
        using var stuck = await ClientAsync(api);
        using var other = new KubeClient(await ClientAsync(api));
        var made = await api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map("m", 1), Token);
        using var answer = await stuck.GetAsync(new Uri($"{Maps}?watch=1&resourceVersion={made.ResourceVersion()}", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Token);
        await using var reads = other.WatchAsync(Kinds.ConfigMaps, "default", null, made.ResourceVersion(), Token).GetAsyncEnumerator(Token);
        for (var i = 0; i < Changes; i++)
        {
            var changed = await api.Admin.PatchAsync(Kinds.ConfigMaps, "default", "m", PatchKind.Merge, Text(200_000, (char)('a' + (i % 26))), Token);
            Assert.True(await reads.MoveNextAsync());
            Assert.Equal(changed.ResourceVersion(), reads.Current.Object.ResourceVersion());
        }

        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(Token));
        var heard = 0;
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            while (await lines.ReadLineAsync(Token) is not null)
            {
                // All of them: so the server kept them all for a reader who did not read.
                Assert.True(++heard < Changes);
            }
        });
    }

    [Fact]
    public async Task ListThatIsNotRead_IsHeldInOnePiece_KeepsNobodyWaiting_AndDoesNotEndAsIfItWereWhole()
    {
        await using var api = await ApiServerFixture.StartAsync(options: o => o with { HistoryKept = 10 });
        // One more than a piece, which itself is more than sockets take in.
        await Task.WhenAll(Enumerable.Range(0, 501).Select(i => api.Admin.CreateAsync(Kinds.ConfigMaps, "default", Map($"m{i:000}", 60_000), Token)));
        using var stuck = await ClientAsync(api);
        using var other = new KubeClient(await ClientAsync(api));
        using var answer = await stuck.GetAsync(new Uri(Maps, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);

        // Others write, until what the list would have read next is no longer kept, and read.
        for (var i = 0; i < 40; i++)
        {
            await other.PatchAsync(Kinds.ConfigMaps, "default", "m500", PatchKind.Merge, Text(10, (char)('a' + (i % 26))), Token);
        }

        Assert.Equal(501, (await other.ListAsync(Kinds.ConfigMaps, "default", null, Token)).Items.Count);
        // The second piece was not read while nobody took the first: it is gone, and the answer breaks off.
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => answer.Content.ReadAsStringAsync(Token));
    }

    private static async Task<HttpClient> ClientAsync(ApiServerFixture api)
    {
        var at = await api.Server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Token);
        var file = Path.Combine(Path.GetTempPath(), $"ote-{Guid.NewGuid():N}.kubeconfig");
        try
        {
            await api.Server.WriteAdminKubeconfigAsync(file, new Uri($"https://{at}"), Token);
            return Kubeconfig.Load(file).CreateHttpClient(TimeProvider.System);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static JsonObject Map(string name, int length)
    {
        var map = Text(length, 'x');
        map["metadata"] = new JsonObject { ["name"] = name };
        return map;
    }

    private static JsonObject Text(int length, char letter) => new() { ["data"] = new JsonObject { ["text"] = new string(letter, length) } };
}
