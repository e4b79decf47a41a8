using System.Text;
using Ote.Kube.Client;
using Ote.Tests.ShimKubernetes;

namespace Ote.Tests.Kube.Client;

public sealed class HeaderLinesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(10_000)]
    public async Task Joint_becomes_a_line_in_heads_and_stays_in_bodies_however_the_bytes_are_cut(int piece)
    {
        const string first = "PUT /a HTTP/1.1\r\nImpersonate-Group: a\u001fb\u001fc\r\nContent-Length: 4\r\n\r\n";
        const string second = "GET /b HTTP/1.1\r\nImpersonate-Group: d\u001fe\r\n\r\n";
        byte[] sent = Encoding.ASCII.GetBytes(first + "x\u001fy\n" + second);
        using MemoryStream wire = new();
        await using HeaderLineStream stream = new(wire);

        foreach (byte[] part in sent.Chunk(piece))
            await stream.WriteAsync(part, TestContext.Current.CancellationToken);

        Assert.Equal(
            first.Replace("\u001f", "\r\nImpersonate-Group: ", StringComparison.Ordinal) + "x\u001fy\n" + second.Replace("\u001f", "\r\nImpersonate-Group: ", StringComparison.Ordinal),
            Encoding.ASCII.GetString(wire.ToArray()));
    }

    [Fact]
    public async Task Each_group_is_a_line_of_its_own_on_one_connection_used_again()
    {
        await using FakeApiServer server = await FakeApiServer.StartAsync();
        using HttpClient http = new KubeEndpoint(server.Url).CreateHttpClient(TimeProvider.System);

        for (int i = 0; i < 3; i++)
        {
            using HttpRequestMessage message = new(HttpMethod.Put, new Uri(server.Url, "/x")) { Content = new StringContent("body") };
            message.Headers.TryAddWithoutValidation("Impersonate-Group", ["a", $"b, {i}"]);
            using HttpResponseMessage _ = await http.SendAsync(message, TestContext.Current.CancellationToken);
        }

        Assert.Equal([["a", "b, 0"], ["a", "b, 1"], ["a", "b, 2"]], server.Requests.Select(seen => seen.Headers["Impersonate-Group"].ToArray()));
        Assert.All(server.Requests, seen => Assert.Equal("body", seen.Body));
    }
}
