using System.Text;
using CsCheck;
using Ote.Kube.Objects;
using Ote.Kube.Server.Http;
using Ote.Kube.Server.Http.Protobuf;

namespace Ote.Tests.Kube.Server.Http;

public sealed class ProtobufBodyTests
{
    [Fact]
    public void Deployment_ReadsAsItsJson()
    {
        // replicas: 0 is set and stays; minReadySeconds: 0 is protobuf's way of not setting it.
        var spec = Join(Whole(1, 0), Field(2, Field(1, Entry("app", "web"))), Whole(5, 0));
        var metadata = Join(Text(1, "web"), Text(2, ""), Field(8, []), Field(11, Entry("app", "web")));
        var obj = ProtobufBody.Read(Body("apps/v1", "Deployment", Join(Field(1, metadata), Field(2, spec), Field(3, []))), 32);
        Assert.Equal(
            """{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","labels":{"app":"web"}},"spec":{"replicas":0,"selector":{"matchLabels":{"app":"web"}}},"status":{}}""",
            obj.ToJsonString());
    }

    [Fact]
    public void FieldThatLaterVersionsHaveDropped_IsPassedOverWhenItIsEmpty_AndRefusedWhenItSaysSomething()
    {
        var node = ProtobufBody.Read(Body("v1", "Node", Field(1, Join(Text(1, "n1"), Text(15, ""), Whole(99, 0)))), 16);
        Assert.Equal("n1", node.Name());
        Assert.Throws<ApiError>(() => ProtobufBody.Read(Body("v1", "Node", Field(1, Join(Text(1, "n1"), Text(15, "east")))), 16));
    }

    [Fact]
    public void TimesQuantitiesAndBytes_ReadAsText()
    {
        var secret = ProtobufBody.Read(Body("v1", "Secret", Field(2, Join(Text(1, "k"), Field(2, [1, 2, 3])))), 32);
        Assert.Equal("AQID", secret.Text("data", "k"));
        var lease = ProtobufBody.Read(Body("coordination.k8s.io/v1", "Lease", Field(2, Field(4, Join(Whole(1, 1), Whole(2, 5_000_000))))), 32);
        Assert.Equal("1970-01-01T00:00:01.005000Z", lease.Text("spec", "renewTime"));
        var quota = ProtobufBody.Read(Body("v1", "ResourceQuota", Field(2, Field(1, Join(Text(1, "cpu"), Field(2, Text(1, "500m")))))), 32);
        Assert.Equal("500m", quota.Text("spec", "hard", "cpu"));
    }

    [Fact]
    public void QuestionOfKubectlAuthCanI_ReadsAsItsJson()
    {
        var spec = Field(1, Join(Text(1, "shop"), Text(2, "create"), Text(3, ""), Text(5, "pods")));
        var obj = ProtobufBody.Read(Body("authorization.k8s.io/v1", "SelfSubjectAccessReview", Join(Field(1, []), Field(2, spec), Field(3, Whole(1, 0)))), 16);
        Assert.Equal("""{"namespace":"shop","verb":"create","resource":"pods"}""", obj["spec"]!["resourceAttributes"]!.ToJsonString());
    }

    [Theory]
    [InlineData("certificates.k8s.io/v1")]
    [InlineData("certificates.k8s.io/v1beta1")]
    [Trait("Defect", "E11")]
    public void CertificateRequestOfAKubelet_ReadsAsItsJson(string version)
    {
        var spec = Join(Field(1, [1, 2, 3]), Text(5, "digital signature"), Text(5, "client auth"), Text(7, "kubernetes.io/kube-apiserver-client-kubelet"));
        var obj = ProtobufBody.Read(Body(version, "CertificateSigningRequest", Join(Field(1, Text(2, "csr-")), Field(2, spec), Field(3, []))), 16);
        Assert.Equal("csr-", obj.Text("metadata", "generateName"));
        Assert.Equal("""{"request":"AQID","usages":["digital signature","client auth"],"signerName":"kubernetes.io/kube-apiserver-client-kubelet"}""", System.Text.RegularExpressions.Regex.Unescape(obj["spec"]!.ToJsonString()));
    }

    [Fact]
    public void TokenRequestOfKubectl_ReadsAsItsJson()
    {
        var bound = Join(Text(1, "Pod"), Text(2, "v1"), Text(3, "p"), Text(4, "u1"));
        var spec = Join(Text(1, "vault"), Field(3, bound), Whole(4, 1200));
        var obj = ProtobufBody.Read(Body("authentication.k8s.io/v1", "TokenRequest", Join(Field(1, []), Field(2, spec), Field(3, Text(1, "")))), 16);
        Assert.Equal(
            """{"audiences":["vault"],"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"p","uid":"u1"},"expirationSeconds":1200}""", obj["spec"]!.ToJsonString());
    }

    [Fact]
    public void ReviewOfSomebodyElse_ReadsAsItsJson()
    {
        var asked = Join(Text(2, "get"), Text(5, "pods"), Field(9, Field(2, Join(Text(1, "app"), Text(2, "In"), Text(3, "a"), Text(3, "b")))));
        var spec = Join(Field(1, asked), Text(3, "ann"), Text(4, "dev"), Field(5, Join(Text(1, "scopes"), Field(2, Join(Text(1, "a"), Text(1, "b"))))), Text(6, "u1"));
        var obj = ProtobufBody.Read(Body("authorization.k8s.io/v1", "SubjectAccessReview", Join(Field(1, []), Field(2, spec), Field(3, Whole(1, 0)))), 16);
        Assert.Equal(
            """{"resourceAttributes":{"verb":"get","resource":"pods","labelSelector":{"requirements":[{"key":"app","operator":"In","values":["a","b"]}]}},"user":"ann","groups":["dev"],"extra":{"scopes":["a","b"]},"uid":"u1"}""",
            obj["spec"]!.ToJsonString());
    }

    [Theory]
    [InlineData("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", "spec.resourceAttributes")]
    [InlineData("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews", "spec.resourceAttributes")]
    [InlineData("authorization.k8s.io/v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", "no namespace on request")]
    [InlineData("authentication.k8s.io/v1", "TokenReview", "tokenreviews", "token is required")]
    [InlineData("authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", null)]
    public async Task EveryReview_IsAnsweredWhenItComesInProtobuf(string apiVersion, string kind, string plural, string? complaint)
    {
        await using var api = await ApiServerFixture.StartAsync();
        // With nothing in it, as far as clients leave out what is empty; who asks about nothing is told so, in the words of the review.
        using var content = new ByteArrayContent(Body(apiVersion, kind, Join(Field(1, []), Field(2, []))));
        content.Headers.TryAddWithoutValidation("Content-Type", ProtobufBody.MediaType);
        using var answer = await api.Admin.Http.PostAsync(new Uri($"apis/{apiVersion}/{plural}", UriKind.Relative), content, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        if (complaint is null)
        {
            Assert.Equal((201, "system:admin"), ((int)answer.StatusCode, System.Text.Json.Nodes.JsonNode.Parse(text).Text("status", "userInfo", "username")));
        }
        else
        {
            Assert.NotEqual(415, (int)answer.StatusCode);
            Assert.Contains(complaint == "spec.resourceAttributes" && kind == "SubjectAccessReview" ? "spec.user" : complaint, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void FieldThatIsNotKnown_RefusesTheBody()
    {
        var refused = Assert.Throws<ApiError>(() => ProtobufBody.Read(Body("v1", "ConfigMap", Text(999, "x")), 32));
        Assert.Equal(415, refused.Code);
        Assert.Equal(415, Assert.Throws<ApiError>(() => ProtobufBody.Read(Body("test.ote/v1", "Gadget", []), 32)).Code);
    }

    [Fact]
    public void NestedBeyondTheLimit_IsRefused()
    {
        Assert.Equal(400, Assert.Throws<ApiError>(() => ProtobufBody.Read(Body("v1", "Pod", Field(1, Field(13, []))), 2)).Code);
    }

    [Fact]
    public void AnyBytes_EndInAnObjectOrARefusal() =>
        Gen.Byte.Array[0, 200].Sample(
            bytes =>
            {
                foreach (var body in (byte[][])[bytes, [.. "k8s\0"u8, .. bytes], Body("v1", "Pod", bytes)])
                {
                    try
                    {
                        ProtobufBody.Read(body, 16);
                    }
                    catch (ApiError refused)
                    {
                        Assert.InRange(refused.Code, 400, 415);
                    }
                }
            },
            iter: 2000);

    [Fact]
    public void AnyPathAndToken_EndInAValueOrARefusal()
    {
        Gen.String.Sample(text => _ = ResourcePath.Parse("/api/v1/" + text), iter: 2000);
        Gen.String.Sample(
            text =>
            {
                try
                {
                    ContinueToken.Parse(text);
                }
                catch (ApiError refused)
                {
                    Assert.Equal(400, refused.Code);
                }
            },
            iter: 2000);
        var token = new ContinueToken(7, "ns", "name");
        Assert.Equal(token, ContinueToken.Parse(token.ToString()));
    }

    private static byte[] Body(string apiVersion, string kind, byte[] raw) =>
        [.. "k8s\0"u8, .. Field(1, Join(Text(1, apiVersion), Text(2, kind))), .. Field(2, raw), .. Text(3, ""), .. Text(4, "")];

    private static byte[] Entry(string key, string value) => Join(Text(1, key), Text(2, value));

    private static byte[] Text(int number, string text) => Field(number, Encoding.UTF8.GetBytes(text));

    private static byte[] Field(int number, byte[] bytes) => [.. Varint(((long)number << 3) | 2), .. Varint(bytes.Length), .. bytes];

    private static byte[] Whole(int number, long value) => [.. Varint((long)number << 3), .. Varint(value)];

    private static byte[] Join(params byte[][] parts) => [.. parts.SelectMany(part => part)];

    private static List<byte> Varint(long value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        bytes.Add((byte)value);
        return bytes;
    }
}
