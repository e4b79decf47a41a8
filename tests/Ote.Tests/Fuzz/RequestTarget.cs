using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;

namespace Ote.Tests.Fuzz;

/// <summary>
/// A whole request of an administrator to a whole server: its first line says method and URL, its second its content type and the answer's, the rest is the body.
/// Nothing is kept (<c>dryRun</c>), so that each meets the same server. Whatever comes, the fault is not the server's.
/// </summary>
internal sealed class RequestTarget : IFuzzTarget, IDisposable
{
    private const string Web = "/apis/apps/v1/namespaces/default/deployments/web";
    private readonly ApiServer server = ApiServer.StartAsync(new ApiServerOptions { Name = "fuzz" }, NullLoggerFactory.Instance, TimeProvider.System, default).GetAwaiter().GetResult();

    public RequestTarget()
    {
        Assert.Equal(201, Send($"POST /apis/apps/v1/namespaces/default/deployments\napplication/json\n{ObjectTarget.Deployment}", keep: true).Code);
        Assert.Equal(201, Send("POST /api/v1/namespaces/default/configmaps\napplication/json\n{\"metadata\":{\"name\":\"a\",\"labels\":{\"a\":\"b\"}}}", keep: true).Code);
    }

    public IEnumerable<byte[]> Seeds =>
    [
        .. new[]
        {
            "GET /api/v1/namespaces/default/configmaps?labelSelector=a%3Db&fieldSelector=metadata.name%3Da&limit=1\n\n", "GET /apis\n|application/json;as=Table;v=v1;g=meta.k8s.io,application/json\n",
            "GET /api/v1/configmaps?limit=1&continue=eyJ2Ijoib3RlL3YxIiwicnYiOjEsIm5zIjoiIiwibmFtZSI6IiJ9&resourceVersion=5&resourceVersionMatch=Exact\n|application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io\n",
            "GET /openapi/v3/apis/apps/v1\n\n", "GET /openapi/v2\n|application/com.github.proto-openapi.spec.v2@v1.0+protobuf\n", "GET /version\n\n", $"GET {Web}/scale\n\n",
            $"POST /apis/apps/v1/namespaces/default/deployments?fieldValidation=Strict&fieldManager=me\napplication/json\n{ObjectTarget.Deployment.Replace("\"web\",\"namespace\"", "\"new\",\"namespace\"", StringComparison.Ordinal)}",
            $"PUT {Web}\napplication/json\n{ObjectTarget.Deployment}", $"PUT {Web}/status\napplication/json\n{ObjectTarget.Deployment}", $"PUT {Web}/scale\napplication/json\n{{\"kind\":\"Scale\",\"apiVersion\":\"autoscaling/v1\",\"metadata\":{{\"name\":\"web\"}},\"spec\":{{\"replicas\":2}}}}",
            $"PATCH {Web}\napplication/json-patch+json\n[{{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":2}}]", $"PATCH {Web}\napplication/merge-patch+json\n{{\"spec\":{{\"replicas\":null}},\"metadata\":{{\"managedFields\":[{{}}]}}}}",
            $"PATCH {Web}\napplication/strategic-merge-patch+json\n{{\"spec\":{{\"template\":{{\"spec\":{{\"containers\":[{{\"name\":\"web\",\"image\":\"y\"}}]}}}}}}}}",
            $"PATCH {Web}?fieldManager=me&force=true\napplication/apply-patch+yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{replicas: 2}}\n",
            $"DELETE {Web}?propagationPolicy=Foreground\napplication/json\n{{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"preconditions\":{{\"uid\":\"x\"}},\"gracePeriodSeconds\":0}}", "DELETE /api/v1/namespaces/default/configmaps?labelSelector=a\n\n",
            "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews\napplication/json\n{\"spec\":{\"resourceAttributes\":{\"verb\":\"get\",\"resource\":\"pods\"}}}",
            "POST /apis/authentication.k8s.io/v1/tokenreviews\napplication/json\n{\"spec\":{\"token\":\"x\"}}",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    public string Try(byte[] input)
    {
        (int code, string answer) = Send(Encoding.Latin1.GetString(input), keep: false);
        if (code < 400) return code == 0 ? answer : $"{code}";
        JsonObject status = (JsonObject)JsonNode.Parse(answer)!;
        string message = (string?)status["message"] ?? "";
        Assert.True(code < 500 || message.StartsWith("failed to create typed patch object", StringComparison.Ordinal), answer);
        Assert.Equal("Status", (string?)status["kind"]);
        return $"{code} {(string?)status["reason"]} {message.Split(':', '"', '\'')[0].Length}";
    }

    public void Dispose() => server.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private (int Code, string Answer) Send(string text, bool keep)
    {
        string[] parts = text.Split('\n', 3);
        string[] line = parts[0].Split(' ', 2);
        if (parts.Length < 3 || line.Length < 2 || !line[1].StartsWith('/') || line[0].Length == 0) return (0, "no request");
        int question = line[1].IndexOf('?', StringComparison.Ordinal);
        DefaultHttpContext context = new();
        context.Features.Set(new ApiUserFeature(UserInfo.Admin));
        context.Request.Method = line[0];
        context.Request.Path = new PathString(Uri.UnescapeDataString(question < 0 ? line[1] : line[1][..question]));
        context.Request.QueryString = new QueryString("?" + (question < 0 ? "" : line[1][(question + 1)..]) + (keep || line[0] is "GET" or "HEAD" ? "" : "&dryRun=All"));
        string[] types = parts[1].Split('|', 2);
        context.Request.ContentType = types[0];
        if (types.Length > 1) context.Request.Headers.Accept = types[1];
        context.Request.Body = new MemoryStream(Encoding.Latin1.GetBytes(parts[2]));
        using MemoryStream answer = new();
        context.Response.Body = answer;
        if (context.Request.Query.ContainsKey("watch")) return (0, "a watch does not end");
        server.HandleAsync(context).GetAwaiter().GetResult();
        return (context.Response.StatusCode, Encoding.UTF8.GetString(answer.ToArray()));
    }
}
