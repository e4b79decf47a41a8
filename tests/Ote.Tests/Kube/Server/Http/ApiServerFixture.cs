using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Client;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Kube.Server.Http;

/// <summary>A server in memory or in a folder that goes with it, and clients to it.</summary>
internal sealed class ApiServerFixture : IAsyncDisposable
{
    private readonly List<IDisposable> _clients = [];
    private string? _directory;

    private ApiServerFixture(ApiServer server, string? directory)
    {
        Server = server;
        _directory = directory;
        Admin = As(UserInfo.Admin);
    }

    public ApiServer Server { get; }

    public KubeClient Admin { get; }

    public static async Task<ApiServerFixture> StartAsync(bool onDisk = false, TimeProvider? time = null, Func<ApiServerOptions, ApiServerOptions>? options = null)
    {
        var directory = onDisk ? Directory.CreateTempSubdirectory("ote-api-").FullName : null;
        var wanted = new ApiServerOptions { Name = "test", DataDirectory = directory };
        var server = await ApiServer.StartAsync(
            options?.Invoke(wanted) ?? wanted, NullLoggerFactory.Instance, time ?? TimeProvider.System, TestContext.Current.CancellationToken);
        return new ApiServerFixture(server, directory);
    }

    public KubeClient As(UserInfo user)
    {
        var client = Server.CreateClient(user);
        _clients.Add(client);
        return client;
    }

    /// <summary>Sends any request and reads the answer's JSON.</summary>
    public async Task<(int Code, JsonObject Body)> SendAsync(HttpMethod method, string path, string? body = null, string type = "application/json", string? accept = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes(body));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        using var answer = await Admin.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return ((int)answer.StatusCode, (JsonObject)JsonNode.Parse(text, null, new() { MaxDepth = 256 })!);
    }

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(client => client.Dispose());
        await Server.DisposeAsync();
        if (Interlocked.Exchange(ref _directory, null) is { } directory)
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
