using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Ote.EdgeHub.Proxy;

/// <summary>Answers of the hub's own, as Kubernetes' Status.</summary>
internal static class HubStatus
{
    /// <summary>Answers with a failure. None says when to ask again: a client that waits for that waits as long as the node is cut off.</summary>
    public static Task WriteAsync(HttpContext context, int code, string reason, string message)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        var status = new JsonObject
        {
            ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Failure", ["message"] = message, ["reason"] = reason, ["code"] = code,
        };
        return context.Response.WriteAsync(status.ToJsonString() + "\n", context.RequestAborted);
    }
}
