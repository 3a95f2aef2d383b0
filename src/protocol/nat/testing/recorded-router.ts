/**
 * What a router answers: recorded from miniupnpd 2.3.1 (Debian's package, on 192.168.77.1), and written after the manner
 * of older routers, which have several services, of which one is in use.
 */
import { fromUtf8 } from '../../../base/bytes.js';

const SERVICE_TYPE = 'urn:schemas-upnp-org:service:WANIPConnection:2';

export const SEARCH_ANSWER: Uint8Array = fromUtf8(
  [
    'HTTP/1.1 200 OK',
    'CACHE-CONTROL: max-age=120',
    'ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1',
    'USN: uuid:00000000-0000-0000-0000-000000000001::urn:schemas-upnp-org:device:InternetGatewayDevice:1',
    'EXT:',
    'SERVER: Debian/6.18.44 UPnP/1.1 MiniUPnPd/2.3.1',
    'LOCATION: http://192.168.77.1:5000/rootDesc.xml',
    'OPT: "http://schemas.upnp.org/upnp/1/0/"; ns=01',
    '01-NLS: 1795693235',
    'BOOTID.UPNP.ORG: 1795693235',
    'CONFIGID.UPNP.ORG: 1337',
    '',
    '',
  ].join('\r\n'),
);

/** Of its lists of services, with those that map no ports. */
export const DESCRIPTION: Uint8Array = fromUtf8(
  '<?xml version="1.0"?>\n<root xmlns="urn:schemas-upnp-org:device-1-0" configId="1337">' +
    '<specVersion><major>1</major><minor>1</minor></specVersion><device>' +
    '<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:2</deviceType>' +
    '<friendlyName>Debian router</friendlyName><manufacturerURL>http://www.debian.org/</manufacturerURL>' +
    '<UDN>uuid:00000000-0000-0000-0000-000000000001</UDN><serviceList>' +
    service('Layer3Forwarding:1', 'L3F') +
    service('DeviceProtection:1', 'DP') +
    '</serviceList><deviceList><device><deviceType>urn:schemas-upnp-org:device:WANDevice:2</deviceType>' +
    '<friendlyName>WANDevice</friendlyName><serviceList>' +
    service('WANCommonInterfaceConfig:1', 'CmnIfCfg') +
    '</serviceList><deviceList><device><deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:2</deviceType>' +
    '<friendlyName>WANConnectionDevice</friendlyName><serviceList>' +
    service('WANIPConnection:2', 'IPConn') +
    service('WANIPv6FirewallControl:1', 'IP6FCtl') +
    '</serviceList></device></deviceList></device></deviceList>' +
    '<presentationURL>http://192.168.77.1/</presentationURL></device></root>',
);

/** Prefixes, comments, white space, a base URL, paths without a slash, and a connection that is not in use first. */
export const OLD_DESCRIPTION: Uint8Array = fromUtf8(`<?xml version="1.0" encoding="utf-8"?>
<!-- <service> in a comment -->
<d:root xmlns:d="urn:schemas-upnp-org:device-1-0">
  <d:URLBase>http://192.168.77.1:49152/igd/</d:URLBase>
  <d:device><d:modelName>A & B <![CDATA[<Router>]]></d:modelName>
    <d:serviceList>
      <d:service a='>'>
        <d:serviceType> urn:schemas-upnp-org:service:WANPPPConnection:1 </d:serviceType>
        <d:controlURL>ppp?x=1&amp;y=2</d:controlURL>
      </d:service>
      <d:service>
        <d:serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</d:serviceType>
        <d:controlURL>http://192.168.77.1:49153/ip</d:controlURL>
      </d:service>
    </d:serviceList>
  </d:device>
</d:root>`);

export const ADDRESS_ANSWER: Uint8Array = envelope(
  `<u:GetExternalIPAddressResponse xmlns:u="${SERVICE_TYPE}"><NewExternalIPAddress>11.22.33.44</NewExternalIPAddress>` +
    '</u:GetExternalIPAddressResponse>',
);
export const ADDITION_ANSWER: Uint8Array = envelope(`<u:AddPortMappingResponse xmlns:u="${SERVICE_TYPE}"/>`);
export const DELETION_ANSWER: Uint8Array = envelope(
  `<u:DeletePortMappingResponse xmlns:u="${SERVICE_TYPE}"></u:DeletePortMappingResponse>`,
);

/** With status 500. Recorded with 718, ConflictInMappingEntry. */
export function faultAnswer(code: number, description = 'ConflictInMappingEntry'): Uint8Array {
  return fromUtf8(
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
      's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body><s:Fault><faultcode>s:Client</faultcode>' +
      '<faultstring>UPnPError</faultstring><detail><UPnPError xmlns="urn:schemas-upnp-org:control-1-0">' +
      `<errorCode>${code}</errorCode><errorDescription>${description}</errorDescription>` +
      '</UPnPError></detail></s:Fault></s:Body></s:Envelope>',
  );
}

function service(type: string, name: string): string {
  return (
    `<service><serviceType>urn:schemas-upnp-org:service:${type}</serviceType>` +
    `<serviceId>urn:upnp-org:serviceId:${name}</serviceId><SCPDURL>/${name}.xml</SCPDURL>` +
    `<controlURL>/ctl/${name}</controlURL><eventSubURL>/evt/${name}</eventSubURL></service>`
  );
}

function envelope(body: string): Uint8Array {
  return fromUtf8(
    '<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ' +
      `s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>${body}</s:Body></s:Envelope>\r\n`,
  );
}
