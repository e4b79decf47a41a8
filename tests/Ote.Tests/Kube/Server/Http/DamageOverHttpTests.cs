using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>An object whose bytes were changed on the disk while the server runs: whoever asks for it hears so, in a Status, and never gets half an answer that looks whole.</summary>
public sealed class DamageOverHttpTests : IAsyncLifetime
{
    private const int Objects = 700;
    private const string Maps = "api/v1/namespaces/default/configmaps";
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-damage-").FullName;
    private ApiServer? _server;
    private HttpClient? _client;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private HttpClient Client => _client!;

    public async ValueTask InitializeAsync()
    {
        var options = new ApiServerOptions { DataDirectory = _folder };
        await using (var before = await ApiServer.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System, Token))
        {
            using var admin = before.CreateClient(UserInfo.Admin);
            await admin.CreateAsync(Kinds.ConfigMaps, "default", Map(0), Token); // before all others, for who watches from it on
            await Task.WhenAll(Enumerable.Range(1, Objects - 1).Select(i => admin.CreateAsync(Kinds.ConfigMaps, "default", Map(i), Token)));
        }

        _server = await ApiServer.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System, Token);
        var at = await _server.ListenAsync(new IPEndPoint(IPAddress.Loopback, 0), Token);
        var kubeconfig = Path.Combine(_folder, "kubeconfig");
        await _server.WriteAdminKubeconfigAsync(kubeconfig, new Uri($"https://{at}"), Token);
        _client = Kubeconfig.Load(kubeconfig).CreateHttpClient(TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData($"{Maps}/m100", "application/json")]
    [InlineData($"{Maps}/m100", "application/json;as=Table;v=v1;g=meta.k8s.io")]
    [InlineData(Maps, "application/json")]
    [InlineData(Maps, "application/json;as=Table;v=v1;g=meta.k8s.io")]
    [InlineData($"{Maps}?limit=200", "application/json")]
    [InlineData("api/v1/configmaps?labelSelector=a", "application/json")]
    public async Task WhatMeetsIt_IsAStatusThatNamesTheObject(string path, string accept)
    {
        Damage(100);
        var (code, status) = await GetAsync(path, accept);
        Assert.Equal((500, "Status", "Failure", "InternalError"), (code, status.Text("kind"), status.Text("status"), status.Text("reason")));
        Assert.Contains("what is stored for /configmaps/default/m100 at revision", status.Text("message"), StringComparison.Ordinal);
        Assert.Contains("is not what was written. Restore a backup", status.Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhoeverRunsTheServer_IsToldWhatIsWrongWithItsData()
    {
        Assert.Null(_server!.Trouble());
        Damage(100);
        await GetAsync($"{Maps}/m100", "application/json");
        Assert.StartsWith($"The database {_folder}/objects.db is damaged: ", _server.Trouble(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatDoesNotMeetIt_IsAnswered()
    {
        Damage(600);
        Assert.Equal("<101>", (await GetAsync($"{Maps}/m101", "application/json")).Body.Text("data", "text"));
        Assert.Equal(100, (await GetAsync($"{Maps}?limit=100", "application/json")).Body.Items("items")!.Count);
        using var changed = await Client.PostAsync(new Uri(Maps, UriKind.Relative), new StringContent(Map(Objects).ToJsonString(), null, "application/json"), Token);
        Assert.Equal(HttpStatusCode.Created, changed.StatusCode);
    }

    [Fact]
    public async Task ListThatHasBegun_BreaksOff_AndCannotBeTakenForAWholeOne()
    {
        // In the second of the pieces in which lists are read: the first is on its way by then.
        Damage(600);
        using var answer = await Client.GetAsync(new Uri(Maps, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => answer.Content.ReadAsStringAsync(Token));
    }

    [Theory]
    [InlineData(100, "?watch=1&timeoutSeconds=30")]
    [InlineData(600, "?watch=1&timeoutSeconds=30")]
    [InlineData(600, "?watch=1&timeoutSeconds=30&resourceVersion=VERSION")]
    public async Task Watch_EndsWithAnErrorThatNamesTheObject(int damaged, string query)
    {
        Damage(damaged);
        var first = (await GetAsync($"{Maps}/m000", "application/json")).Body;
        var path = Maps + query.Replace("VERSION", first.ResourceVersion(), StringComparison.Ordinal);
        using var answer = await Client.GetAsync(new Uri(path, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, Token);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(Token));
        List<JsonObject> heard = [];
        while (await lines.ReadLineAsync(Token) is { } line)
        {
            heard.Add((JsonObject)JsonNode.Parse(line)!);
        }

        Assert.All(heard.SkipLast(1), change => Assert.Equal("ADDED", change.Text("type")));
        Assert.Equal(("ERROR", "Status", 500L), (heard[^1].Text("type"), heard[^1].Text("object", "kind"), heard[^1].Whole("object", "code")));
        Assert.Contains($"what is stored for /configmaps/default/m{damaged} at revision", heard[^1].Text("object", "message"), StringComparison.Ordinal);
    }

    private static JsonObject Map(int number) => new()
    {
        ["metadata"] = new JsonObject { ["name"] = $"m{number:000}", ["labels"] = new JsonObject { ["a"] = "b" } }, ["data"] = new JsonObject { ["text"] = $"<{number}>" },
    };

    private async Task<(int Code, JsonObject Body)> GetAsync(string path, string accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using var answer = await Client.SendAsync(request, Token);
        return ((int)answer.StatusCode, (JsonObject)JsonNode.Parse(await answer.Content.ReadAsStringAsync(Token))!);
    }

    /// <summary>Changes one byte of an object where it lies on the disk.</summary>
    private void Damage(int number)
    {
        var file = Path.Combine(_folder, "objects.db");
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        stream.Position = bytes.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes($"<{number}>")) + 1;
        stream.WriteByte((byte)'x');
    }
}
