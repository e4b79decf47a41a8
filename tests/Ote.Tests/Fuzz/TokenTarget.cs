using System.Buffers.Text;
using System.Text;
using Ote.Kube.Server.Http;

namespace Ote.Tests.Fuzz;

/// <summary>Where a list goes on, as a client hands it back: its text, or by the first byte what is in it.</summary>
internal sealed class TokenTarget : IFuzzTarget
{
    public IEnumerable<byte[]> Seeds =>
    [
        Encoding.UTF8.GetBytes("t" + new ContinueToken(7, "default", "web")),
        Encoding.UTF8.GetBytes("t" + new ContinueToken(ContinueToken.Newest, "default", "web")),
        Encoding.UTF8.GetBytes("t" + new ContinueToken(long.MaxValue, "", "ö\"\\")),
        .. new[] { """{"v":"ote/v1","rv":7,"ns":"a","name":"b"}""", """{"v":"ote/v1","rv":7,"rv":8,"ns":"a","name":"b"}""", """{"v":"ote/v1","rv":1e99,"ns":"\ud800","name":{}}""" }
            .Select(t => Encoding.UTF8.GetBytes("d" + t)),
    ];

    public string Try(byte[] input)
    {
        if (input.Length == 0) return "nothing";
        string text = input[0] == 'd' ? Base64Url.EncodeToString(input.AsSpan(1)) : Encoding.UTF8.GetString(input, 1, input.Length - 1);
        try
        {
            ContinueToken token = ContinueToken.Parse(text);
            Assert.Equal(token, ContinueToken.Parse(token.ToString()));
            Assert.True(token.Revision is > 0 or ContinueToken.Newest, text);
            return $"{input[0] == 'd'} {token.Namespace.Length == 0} {token.Name.Length == 0} {token.Revision > int.MaxValue}";
        }
        catch (ApiError refused) when (refused.Code == 400)
        {
            return $"{input[0] == 'd'} refused";
        }
    }
}
